"""From an empty folder to the first read by the workshop's commands, as the installation guide has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from anpr_edge.cli.fleet import main as fleet
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.broker import Listener, free_port, running_mosquitto
from anpr_edge.fleet.folder import FLEET_FILE
from anpr_edge.fleet.processes import end

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
HOST, UNIT, VEHICLES = "127.0.0.1", "unit-0001", 2
EDGE = (sys.executable, "-m", "anpr_edge.cli.edge")
CENTRAL = (sys.executable, "-m", "anpr_edge.cli.central")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything is: the shell stands in the fleet folder."""
    monkeypatch.chdir(tmp_path)
    assert fleet(["authority", "create", "demo", "--broker", HOST, "--no-passphrase"]) == 0
    monkeypatch.chdir(tmp_path / "demo")
    return tmp_path


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def broker(place: Path) -> tuple[Path, Listener]:
    """The broker's folder, as the workshop packs it, on a free port."""
    port, folder = free_port(), place / "broker"
    text = Path(FLEET_FILE).read_text().replace("port = 8883", f"port = {port}")
    Path(FLEET_FILE).write_text(text)
    assert fleet(["server", HOST]) == 0
    config = ["broker", "config", "--out", str(folder), "--installed-at", str(folder), "--address", HOST]
    assert fleet(config) == 0
    (folder / "state").mkdir()
    files = folder / "ca.crt", folder / "server.crt", folder / "server.pem"
    return folder / "mosquitto.conf", Listener(port, *files, HOST)


def unit(place: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The unit's configuration, its identity, and its certificate; gives the configuration."""
    state, run = place / "unit", place / "run"
    settings = (
        *("--set", "camera.source=synthetic", "--set", f"camera.synthetic={{vehicles={VEHICLES}}}"),
        *("--set", f"unit.state_dir={state}", "--set", f"unit.run_dir={run}"),
    )
    assert fleet(["unit", "add", UNIT, "--site", "Loopback Road", *settings]) == 0
    capsys.readouterr()
    assert fleet(["unit", "show", UNIT, "--config"]) == 0
    config = place / "unit.toml"
    config.write_text(capsys.readouterr().out)
    identity = json.loads(said(*EDGE, "init", "--config", str(config), "--json"))
    assert fleet(["enrol", str(state / "keys/tls.csr"), "--unit", UNIT]) == 0
    said(*CENTRAL, "units", "add", UNIT, identity["verify_key"], "--home", str(place / "centre"))
    return config


def test_the_workshops_commands_lead_to_the_first_read(
    place: Path, running: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = said(*CENTRAL, "keygen", "--out", str(place / "centre"))
    feed = f'[feeds.charging]\npurpose = "Road user charging"\n{keys}\n'
    with Path(FLEET_FILE).open("a") as file:
        file.write(f'{feed}[consumers.centre]\nfeeds = ["charging"]\n')
    assert fleet(["consumer", "centre", "--out", str(place / "centre")]) == 0
    config, listener = broker(place)
    unit_config = unit(place, capsys)

    running.enter_context(running_mosquitto(config, listener, SystemClock()))
    where = ("--host", HOST, "--port", str(listener.port), "--fleet", "demo", "--feed", "charging")
    kept = ("--home", str(place / "centre"), "--name", "centre", "--store", str(place / "reads.jsonl"))
    centre = subprocess.Popen(
        [*CENTRAL, "subscribe", *where, *kept, "--count", str(VEHICLES), "--idle", "90"]
    )
    running.callback(end, centre, 10)
    for process in ("uplink", "read"):
        running.callback(end, subprocess.Popen([*EDGE, process, "--config", str(unit_config)]), 10)

    assert centre.wait(120) == 0
    reads = [json.loads(line) for line in (place / "reads.jsonl").read_text().splitlines()]
    assert len(reads) == VEHICLES
    assert {read["unit"] for read in reads} == {UNIT}
