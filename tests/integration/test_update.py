"""A whole update by command: broker, HTTPS server, uplink, RAUC, a restart, the gate over a real reader."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.auditlog import read_audit
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.broker import find_mosquitto, free_port
from anpr_edge.fleet.rig import EDGE, FLEET, UNIT, Rig, build_rig
from anpr_edge.uplink import topics
from tests.integration.control import kept, order, within
from tests.update.rig import CHECKOUT, ISOLATED, Unit, missing
from tests.update.web import BUNDLE_PATH, Web, serving

pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

ROAD = {"source": "synthetic", "frame_rate": 10.0, "synthetic": {"vehicles": 500, "seed": 1}}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A unit with slots, its broker, and both its services."""
    folder = tmp_path_factory.mktemp("unit")
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    rig = build_rig(folder / "rig", ROAD, SystemClock())
    with rig.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[update]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    (folder / "data").symlink_to(rig.unit.state_dir)
    Unit(folder)
    with rig.broker():
        processes = [rig.start_uplink(), rig.start_reader()]
        try:
            for _ in within("both services run, connected"):
                if rig.state("reader").get("state") == "running" and connected(rig):
                    break
            yield rig
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(30)


@pytest.fixture
def unit(rig: Rig) -> Unit:
    """Its slots, as they came."""
    unit = Unit.found(rig.directory.parent)
    unit.reset()
    return unit


def connected(rig: Rig) -> bool:
    return bool(rig.state("uplink").get("link", {}).get("connected"))


def port_of(rig: Rig) -> int:
    return int(rig.config.read_text().rpartition("port = ")[2])


def edge(rig: Rig, *words: str, rauc: bool = False) -> tuple[int, str]:
    """What `anpr-edge update …` says, with a RAUC service beside it when it needs one."""
    folder = rig.directory.parent
    command = [*EDGE, "update", *words, "--config", str(rig.config), "--layout", str(folder / "slots.toml")]
    if rauc:
        command = [*ISOLATED, sys.executable, "-m", "tests.update.with_rauc", str(folder), *command]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def ordering(rig: Rig, bundle: Path) -> subprocess.Popen[str]:
    """`anpr-fleet command update …`, that waits until the update has ended."""
    words = [
        "update",
        "--unit",
        UNIT,
        "--fleet",
        FLEET,
        "--home",
        str(rig.control_dir),
        "--bundle",
        str(bundle),
    ]
    words += ["--arg", "version=1.1.0", "--arg", f"path={BUNDLE_PATH}", "--wait", "200", "--json"]
    words += ["--host", rig.listener.address, "--port", str(rig.listener.port)]
    command = [sys.executable, "-m", "anpr_edge.cli.fleet", "command", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_update_by_command_from_the_order_to_the_last_reply(rig: Rig, unit: Unit) -> None:
    board = unit.board
    bundle, new = unit.bundle("1.1.0")
    with serving(Web(bundle.read_bytes()), rig.listener.cert_file.parent, port_of(rig)):
        commander = ordering(rig, bundle)
        for _ in within("the bundle has come"):
            if (board.layout.incoming / "ready").exists():
                break
    code, said = edge(rig, "take", rauc=True)
    assert code == 0, said
    assert board.start() == "B"
    assert unit.held("B") == new
    board.version_is("1.1.0")
    code, said = edge(rig, "gate", "--hold", "2")
    assert code == 0, said
    assert board.cut_power() == "B"
    out, err = commander.communicate(timeout=60)
    assert commander.returncode == 0, out + err
    (reply,) = json.loads(out)["replies"]
    assert (reply["outcome"], reply["says"]) == ("done", "version 1.1.0 is in force")
    events = [entry["event"] for entry in read_audit(rig.unit.state_dir / "audit.log").entries]
    assert events[-3:] == ["command-taken", "update-installed", "update-committed"]
    assert last_in_health(rig, "committed")["version"] == "1.1.0"
    assert watched(rig, "1.2.0") == ("not-begun", [])


def test_an_ordered_bundle_that_is_refused_shows_in_health_and_watch(rig: Rig, unit: Unit) -> None:
    bundle, _ = unit.bundle("1.1.0", compatible="anpr-edge-cm9")
    with serving(Web(bundle.read_bytes()), rig.listener.cert_file.parent, port_of(rig)):
        commander = ordering(rig, bundle)
        for _ in within("the bundle has come"):
            if (unit.board.layout.incoming / "ready").exists():
                break
    code, said = edge(rig, "take", rauc=True)
    assert (code, "made for anpr-edge-cm9" in said) == (1, True), said
    out, err = commander.communicate(timeout=60)
    assert (commander.returncode, json.loads(out)["replies"][0]["outcome"]) == (1, "failed"), err
    last = last_in_health(rig, "failed")
    assert (last["version"], last["slot"]) == ("1.1.0", None)
    step, (why,) = watched(rig, "1.1.0")
    assert (step, why.startswith("could not install 1.1.0: ")) == ("failed", True)
    assert "made for anpr-edge-cm9" in why


def watched(rig: Rig, version: str) -> tuple[str, list[str]]:
    """What `anpr-central watch` says of an update: how far the unit is with it, and what is wrong."""
    words = ["--home", str(rig.centre_dir), "--host", rig.listener.address, "--port", str(rig.listener.port)]
    command = [sys.executable, "-m", "anpr_edge.cli.central", "watch", *words, "--fleet", FLEET]
    done = subprocess.run(
        [*command, "--once", "--json", "--update", version], capture_output=True, text=True, check=False
    )
    (unit,) = json.loads(done.stdout)["units"]
    return unit["progress"], [one["measured"] for one in unit["conditions"] if one["code"] == "update"]


def last_in_health(rig: Rig, phase: str) -> dict[str, Any]:
    """What it tells of its last update; the answer to the command may come before the health itself."""
    for _ in within(f"its health tells of an update that is {phase}"):
        order(rig, "health", "--unit", UNIT, code=None)  # at most one in ten seconds is published
        found: dict[str, Any] | None = kept(rig, topics.health(FLEET, UNIT))["update"]["last"]
        if found is not None and found["phase"] == phase:
            return found
    raise AssertionError


def test_the_commands_of_a_person_on_the_unit(rig: Rig, unit: Unit) -> None:
    bundle, new = unit.bundle("1.1.0")
    code, said = edge(rig, "install", str(bundle), "--no-reboot", rauc=True)
    assert code == 0, said
    assert "anpr-edge update try" in said
    assert edge(rig, "try")[0] == 0
    assert unit.board.start() == "B"
    code, said = edge(rig, "status", "--json")
    status = json.loads(said)
    assert (code, status["slots"]["on_trial"], status["last"]["broker_before"]) == (0, True, True)
    assert edge(rig, "rollback", "--why", "only a test")[0] == 0
    assert [unit.board.start(), unit.board.record()["why"]] == ["A", "only a test"]
    assert last_in_health(rig, "rolled-back")["why"] == "only a test"
    assert watched(rig, "1.1.0") == ("fell-back", ["fell back from 1.1.0: only a test"])
    assert edge(rig, "gate")[0] == 0, "nothing is on trial"
    assert edge(rig, "take") == (0, "nothing was ordered\n")
    assert edge(rig, "install", str(bundle), rauc=True)[0] == 0
    assert unit.board.start() == "B"
    code, said = edge(rig, "commit")
    assert code == 0, said
    assert (unit.board.cut_power(), unit.held("B")) == ("B", new)
    code, said = edge(rig, "rollback")
    assert (code, unit.board.start()) == (0, "A"), said


def test_a_new_system_that_cannot_use_the_configuration_goes_back(rig: Rig, unit: Unit) -> None:
    bundle, _ = unit.bundle("1.1.0")
    assert edge(rig, "install", str(bundle), rauc=True)[0] == 0
    assert unit.board.start() == "B"
    before = len(unit.board.reboots)
    sound = rig.config.read_text()
    rig.config.write_text("[")
    code, said = edge(rig, "gate")
    rig.config.write_text(sound)
    assert code == 78, said
    assert len(unit.board.reboots) == before + 1
    assert unit.board.start() == "A"
    assert "cannot use the unit's configuration" in str(unit.board.record()["why"])


def test_a_bundles_hash_is_taken_from_the_file(tmp_path: Path) -> None:
    from anpr_edge.cli.fleet_command import bundle_arguments

    path = tmp_path / "a.raucb"
    path.write_bytes(b"content")
    assert bundle_arguments(path) == {"sha256": hashlib.sha256(b"content").hexdigest(), "size": 7}
