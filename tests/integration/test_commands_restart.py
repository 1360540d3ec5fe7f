"""Commands that end a service under a service manager, and what a unit remembers of commands after that."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from anpr_edge.auditlog import read_audit
from anpr_edge.cli.services import START_AGAIN
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.broker import find_mosquitto
from anpr_edge.fleet.rig import FEED, UNIT, Rig, build_rig
from tests.integration.control import order, run_fleet, within

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

ROAD = {"source": "synthetic", "frame_rate": 5.0, "synthetic": {"vehicles": 500, "seed": 1}}


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A broker that runs, and a service manager that listens."""
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    pytest.importorskip("systemd.daemon")
    rig = build_rig(tmp_path, ROAD, SystemClock())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, rig.broker():
        manager.bind(str(tmp_path / "notify"))
        threading.Thread(target=listen, args=(manager,), daemon=True).start()
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield rig


def listen(manager: socket.socket) -> None:
    """Take what the services say, as a service manager does: a full socket would hold them up."""
    with suppress(OSError):
        while manager.recv(4096):
            pass


def started(rig: Rig) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Both services, running and connected."""
    processes = rig.start_reader(), rig.start_uplink()
    for _ in within("both services run, connected"):
        reader, uplink = rig.state("reader"), rig.state("uplink")
        if (
            reader.get("state") == uplink.get("state") == "running"
            and (reader["pid"], uplink["pid"]) == (processes[0].pid, processes[1].pid)
            and uplink["link"]["connected"]
        ):
            break
    return processes


def test_services_end_to_be_started_again_and_forget_nothing(rig: Rig, tmp_path: Path) -> None:
    reader, uplink = started(rig)
    try:
        order(rig, "pause", "--arg", f"feed={FEED}", "--arg", "minutes=60", "--unit", UNIT)
        file = tmp_path / "restart.cose"
        run_fleet(rig, "restart", "--arg", "service=uplink", "--unit", UNIT, "--out", str(file))
        said = order(rig, "--signed", str(file))
        assert [(one["by"], one["outcome"]) for one in said["replies"]] == [("uplink", "accepted")]
        assert uplink.wait(30) == START_AGAIN
        said = order(rig, "reload", "--arg", "what=config", "--unit", UNIT, code=1)
        assert {one["outcome"] for one in said["replies"]} == {"silent"}
        order_reader_away(rig, reader)
        reader, uplink = started(rig)
        assert FEED in rig.state("reader")["policy"]["paused"]
        replay = order(rig, "--signed", str(file), code=1)["replies"][0]["document"]
        assert (replay["outcome"], replay["kind"]) == ("refused", "replay")
        said = order(rig, "reload", "--arg", "what=config", "--unit", UNIT)
        assert [(one["by"], one["outcome"]) for one in said["replies"]] == [
            ("reader", "accepted"),
            ("uplink", "accepted"),
        ]
        assert (reader.wait(30), uplink.wait(30)) == (START_AGAIN, START_AGAIN)
    finally:
        for process in (reader, uplink):
            process.terminate()
            process.wait(30)
    assert read_audit(rig.unit.state_dir / "audit.log").trouble == ""


def order_reader_away(rig: Rig, reader: subprocess.Popen[str]) -> None:
    """Stop the reader as systemd does."""
    reader.terminate()
    assert reader.wait(30) == 0
