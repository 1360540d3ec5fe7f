"""`anpr-edge aim` from its start to its end: who else may have the camera, what is left, where it listens."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import EDGE, build_rig
from tests.aim_page import ROAD, OpenPage, open_page, page_of

pytestmark = pytest.mark.skipif(
    not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenPage]:
    """A page that nobody has entered."""
    with open_page(tmp_path_factory.mktemp("closed")) as page:
        yield page


def test_ended_on_the_page_it_leaves_a_trace_and_no_picture(tmp_path: Path) -> None:
    with open_page(tmp_path) as page:
        page.enter()
        with page.live() as parcels:
            next(parcels)
            assert page.ask("POST", "/end", {}).status == 200
            assert [parcel.facts["over"] for parcel in parcels][-1] == "ended on the page"
        assert page.process.wait(60) == 0
    assert page.events == ["aim-begun", "aim-entered", "aim-ended"]
    begun, _, ended = page.audit
    assert (begun["address"], begun["minutes"], begun["reader_paused"]) == ("127.0.0.1", 30, False)
    assert (ended["why"], ended["refused"]) == ("ended on the page", 0)
    starts = (b"\xff\xd8\xff", b"\x89PNG")
    left = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file for file in left if file.read_bytes().startswith(starts)] == []
    assert not any(page.token in file.read_text(errors="replace") for file in left)


def test_who_drew_areas_is_told_how_to_save_them_for_the_workshop(tmp_path: Path) -> None:
    with open_page(tmp_path) as page:
        page.enter()
        sha256 = page.ask("GET", "/unit").json["sha256"]
        view = {"regions": [], "exclusions": [[[0, 0.5], [0.25, 0.5], [0.125, 1]]], "lanes": {}}
        assert page.ask("POST", "/view", {**view, "sha256": sha256}).status == 200
        assert page.ask("POST", "/end", {}).status == 200
        assert page.process.wait(60) == 0
    said = page.rig.log("aim").read_text()
    assert "save the new areas for the workshop: the menu's drive-by test leaves them on the stick" in said
    assert "with a login: anpr-edge config areas --out FOLDER" in said


def test_a_configuration_spoilt_meanwhile_is_no_failure_of_the_page(tmp_path: Path) -> None:
    with open_page(tmp_path) as page:
        page.rig.config.write_text("[unit\n")
        page.process.send_signal(signal.SIGTERM)
        assert page.process.wait(60) == 0
    said = page.rig.log("aim").read_text()
    assert "The page has ended" in said
    assert f"{page.rig.config} has become unusable meanwhile: anpr-edge config check" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with open_page(tmp_path) as page:
        page.process.send_signal(number)
        assert page.process.wait(60) == 0
    assert page.events == ["aim-begun", "aim-ended"]
    assert "areas" not in page.rig.log("aim").read_text()


def test_killed_it_takes_the_camera_with_it_and_frees_the_unit(tmp_path: Path) -> None:
    with open_page(tmp_path) as page:
        page.enter()
        with page.live() as parcels:
            next(parcels)
        (eye,) = children(page.process.pid)
        page.process.kill()
        page.process.wait()
        deadline = time.monotonic() + 60
        while Path(f"/proc/{eye}/stat").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not Path(f"/proc/{eye}/stat").exists()
    with page_of(page.rig) as again:
        assert again.ask("GET", "/").status == 403


def test_the_eye_has_no_network_and_leaves_no_core(closed: OpenPage) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may leave the network behind")
    (eye,) = children(closed.process.pid)
    deadline = time.monotonic() + 60
    own = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{eye}/ns/net").readlink() == own and time.monotonic() < deadline:
        time.sleep(0.1)
    assert Path(f"/proc/{eye}/ns/net").readlink() != own
    assert Path(f"/proc/{closed.process.pid}/ns/net").readlink() == own
    (core,) = (line for line in Path(f"/proc/{eye}/limits").read_text().splitlines() if "core" in line)
    assert core.split()[4:6] == ["0", "0"]


def children(pid: int) -> list[int]:
    """The processes that a process has started, threads' included."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text().split()]


def test_one_page_a_unit_and_no_reader_beside_it(
    closed: OpenPage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["aim", "--config", str(closed.rig.config), "--port", "0"]) == 1
    assert "aim runs already" in capsys.readouterr().err
    assert main(["read", "--config", str(closed.rig.config)]) == 1
    assert "reader runs already" in capsys.readouterr().err


def test_a_reader_in_the_foreground_keeps_its_camera(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = build_rig(tmp_path, {"source": "synthetic", "synthetic": {"vehicles": 200}}, SystemClock())
    reader = rig.start_reader()
    try:
        deadline = time.monotonic() + 60
        while rig.state("reader").get("state") != "running":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert main(["aim", "--config", str(rig.config), "--port", "0"]) == 1
        assert f"reader runs already, as process {reader.pid}" in capsys.readouterr().err
        assert reader.poll() is None
    finally:
        reader.terminate()
        reader.wait(60)


@pytest.mark.parametrize("address", ["192.0.2.77", "no-such-name", "0.0.0.0", "::"])
def test_an_address_of_another_machine_or_the_world_is_refused(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = build_rig(tmp_path, ROAD, SystemClock())
    code = main(["aim", "--config", str(rig.config), "--port", "0", "--listen", address])
    shown = capsys.readouterr().err
    if address in ("0.0.0.0", "::") and "default route" not in shown:
        pytest.skip("no default route on this machine")
    assert code == 2
    assert ("not an address" in shown) or ("has a default route" in shown)
    assert not (rig.unit.state_dir / "audit.log").exists()


def test_the_terminal_shows_link_code_and_certificate(tmp_path: Path) -> None:
    rig = build_rig(tmp_path, ROAD, SystemClock())
    command = [*EDGE, "aim", "--config", str(rig.config), "--port", "0"]
    environment = {**os.environ, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("certificate SHA-256 "):
            lines.append(process.stdout.readline())
        process.terminate()
        said = process.communicate(timeout=60)[1]
    assert lines[-2].startswith("https://127.0.0.1:")
    assert sum("█" in line for line in lines) > 10
    assert "The code works once" in said
    assert "compare its SHA-256" in said
