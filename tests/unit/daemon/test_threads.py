"""The table of the services' threads leaves none out: neither of a running service, nor of the code."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
import tty
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import anpr_edge
from anpr_edge.capture import picamera
from anpr_edge.config import find_models_directory
from anpr_edge.config.model import Camera
from anpr_edge.daemon.policywatch import NAME
from anpr_edge.daemon.threads import THREADS, USUAL_STALL_S, idle_threads, table
from anpr_edge.statefile import FRESH_S
from hw.lamp_board.simulator import SimulatedBoard
from tests.unit.diag.bench import make_bench
from tests.unit.diag.test_policy_check import PolicyBench

PACKAGE = Path(anpr_edge.__file__).parent
DOCS = PACKAGE.parent / "docs"
ELSEWHERE = {"aim", "central", "cli", "fleet"}
"""Rooms of which nothing runs in a unit's services."""

BEFORE = {"enrol"}
"""Threads of what a unit runs once, before its services."""

NAMED_BY = {"stage": "", "NAME": NAME}
"""What variables stand for: the three stages are in every reader that runs."""

PROGRAM = """
import json, os, sys, threading, time
from anpr_edge.cli.edge import main

def look(wanted):
    seen = set()
    for _ in range(600):
        seen |= {thread.name for thread in threading.enumerate()}
        if wanted <= seen:
            break
        time.sleep(0.1)
    time.sleep(1.0)
    seen |= {thread.name for thread in threading.enumerate()}
    print(json.dumps(sorted(seen - {"look"})), flush=True)
    os._exit(0)

threading.Thread(target=look, args=(set(sys.argv[1].split()),), name="look", daemon=True).start()
main(sys.argv[2:])
"""


def names(process: str) -> set[str]:
    return {thread.name for thread in THREADS if thread.process == process}


def running_threads(config: Path, command: str, wanted: set[str]) -> set[str]:
    """The names of a service's threads while it works."""
    call = [sys.executable, "-c", PROGRAM, " ".join(wanted), command, "--config", str(config)]
    done = subprocess.run(call, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A unit that has everything: receiver, lamp board, signed policy."""
    with ExitStack() as ending:
        master, slave = pty.openpty()
        tty.setraw(slave)
        ending.callback(os.close, master)
        board = SimulatedBoard(tmp_path / "ttyLAMPS")
        ending.callback(board.unplug)
        bench = make_bench(tmp_path)
        policies = PolicyBench(bench)
        policies.offer(policies.policy)
        with bench.config.open("a") as file:
            file.write(f'\n[gps]\ndevice = "{os.ttyname(slave)}"\n[illuminator]\nboard = "{board.link}"\n')
        yield bench.config


@pytest.mark.skipif(not (find_models_directory() / "detector.json").is_file(), reason="no trained models")
def test_every_thread_of_a_running_reader_is_in_the_table(config: Path) -> None:
    wanted = names("reader") - {"view", "camera-close"}
    found = running_threads(config, "read", wanted)
    assert found == wanted


def test_every_thread_of_a_running_uplink_is_in_the_table(config: Path) -> None:
    wanted = names("uplink") - {"probe", "fetch"}
    found = running_threads(config, "uplink", wanted)
    assert found == wanted


def started_in(file: Path) -> Iterator[str]:
    """The names that a module gives to the threads it starts."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Thread", "threading.Thread"):
            (given,) = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
            yield str(given.value) if isinstance(given, ast.Constant) else NAMED_BY[ast.unparse(given)]


def test_every_thread_that_the_services_code_can_start_is_in_the_table() -> None:
    rooms = [room for room in PACKAGE.iterdir() if room.is_dir() and room.name not in ELSEWHERE]
    files = [*PACKAGE.glob("*.py"), *(file for room in rooms for file in room.rglob("*.py"))]
    started = {name for file in files for name in started_in(file)} - {""} - BEFORE
    assert started == (names("reader") | names("uplink")) - {"MainThread", "capture", "infer", "commit"}


def test_the_documented_table_is_this_one() -> None:
    assert table() in (DOCS / "diagnostics.md").read_text(encoding="utf-8")


def test_periods_that_others_state_too_are_the_same() -> None:
    periods = {(one.process, one.name): one.period_s for one in THREADS}
    assert periods["reader", "MainThread"] == periods["uplink", "MainThread"] == FRESH_S
    assert periods["reader", "camera-close"] == picamera._CLOSE_LIMIT_S
    assert Camera.model_fields["stall_after_s"].default == USUAL_STALL_S
    assert idle_threads("uplink") == {"policy-watch", "probe", "fetch"}
