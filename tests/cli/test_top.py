"""`anpr-edge top`: rates, queues and the last reads, of which no plate can be read."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.cli.top import CLEAR, Look, screen
from anpr_edge.daemon.lastreads import KEPT, LAST_READS_FILE, LastReads
from anpr_edge.statefile import is_fresh
from tests.cli.test_status import HEAD, READER, UPLINK, say
from tests.sealed_reads import made_up_read
from tests.unit.diag.bench import Bench, make_bench

QUEUES = {"frames": {"waiting": 1, "room": 2}, "reads": {"waiting": 0, "room": 64}}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def look(mono_s: float, taken: int) -> Look:
    frames = {**READER["frames"], "taken": taken, "processed": taken - 10}  # type: ignore[dict-item]
    reader: dict[str, Any] = {**HEAD, **READER, "frames": frames, "queues": QUEUES, "mono_s": mono_s}
    uplink: dict[str, Any] = {**HEAD, **UPLINK, "mono_s": mono_s}
    assert is_fresh(reader, mono_s)
    states = {"reader": {**reader, "fresh": True}, "uplink": {**uplink, "fresh": True}}
    return Look(mono_s, states, ["load 0.3", "54 °C"], [])


def test_rates_come_from_two_looks() -> None:
    first, second = look(100.0, 900), look(102.0, 960)
    assert not any("rate" in line for line in screen("f/u", first, None, ()))
    assert "  rate      30.0 frames/s taken, 30.0 processed" in list(screen("f/u", second, first, ()))


def test_what_waits_and_how_the_board_is() -> None:
    lines = list(screen("f/u", look(100.0, 900), None, ("access",)))
    assert lines[0] == "f/u   load 0.3, 54 °C"
    assert "  waiting   1 of 2 frames, 0 of 64 reads" in lines
    assert any(line.startswith("  access    3 waiting") for line in lines)


def test_a_service_that_does_not_run(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "--once", "--config", str(bench.config)]) == 0
    assert "reader   not running" in capsys.readouterr().out


def test_the_last_reads_are_masked_closed_and_gone_at_the_end(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bench.run_dir / LAST_READS_FILE
    last, read = LastReads(path), made_up_read("ZZ99XYW")
    seen = replace(read.last, mono_ns=time.monotonic_ns())
    for _ in range(KEPT + 5):
        last.add(replace(read, last=seen))
    last.write()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "99XYW" not in path.read_text(encoding="utf-8")
    say(bench, READER)
    assert main(["top", "--once", "--config", str(bench.config)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("ZZ•••") == KEPT
    assert "99XYW" not in shown
    last.close()
    assert not path.exists()


def test_on_a_terminal_it_draws_until_interrupted(bench: Bench) -> None:
    say(bench, READER)
    terminal, end = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "anpr_edge.cli.edge",
        "top",
        "--every",
        "0.2",
        "--config",
        str(bench.config),
    ]
    with subprocess.Popen(command, stdout=end, stderr=subprocess.PIPE) as top:
        os.close(end)
        shown = b""
        while shown.count(CLEAR.encode()) < 3:
            shown += os.read(terminal, 65536)
        top.send_signal(signal.SIGINT)
        assert top.wait(60) == 0
    os.close(terminal)
    assert b"testfleet/unit-0001" in shown
