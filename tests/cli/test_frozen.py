"""A service that the system froze for longer than any of its waits, and told to end meanwhile, ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import Rig, build_rig

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
    ),
]

CLOCK = SystemClock()
FROZEN_S = 1.5
WITHIN_S = 60.0

SERVICES: dict[str, Callable[[Rig], subprocess.Popen[str]]] = {
    "reader": Rig.start_reader,
    "uplink": Rig.start_uplink,
    "centre": Rig.start_centre,
}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = build_rig(tmp_path, {"source": "synthetic", "synthetic": {"vehicles": 200}}, CLOCK)
    with made.broker():
        yield made


@pytest.mark.parametrize("name", SERVICES)
def test_a_frozen_service_that_is_told_to_end_ends(rig: Rig, name: str) -> None:
    process = SERVICES[name](rig)
    try:
        until_it_runs(rig, name)
        os.kill(process.pid, signal.SIGSTOP)
        CLOCK.sleep(FROZEN_S)
        process.terminate()
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(WITHIN_S) == 0
    finally:
        process.kill()
        process.wait()


def until_it_runs(rig: Rig, name: str) -> None:
    deadline_ns = CLOCK.now().mono_ns + WITHIN_S * 1e9
    while rig.state(name).get("state") != "running" and "connected" not in words_of(rig, name):
        assert CLOCK.now().mono_ns < deadline_ns
        CLOCK.sleep(0.05)


def words_of(rig: Rig, name: str) -> str:
    log = rig.log(name)
    return log.read_text() if log.exists() else ""
