"""What doctor makes of recorded logs of board and clock: sensors that are well, come, go and lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from anpr_edge.devices.clock import error_bound_ms, offset_ms
from anpr_edge.diag.condition import Finding
from anpr_edge.diag.examine import examine
from anpr_edge.diag.registry import CHECKS, select
from tests.recorded.transcript import (
    NO_FILE,
    NO_PROGRAM,
    UNREADABLE,
    Moment,
    Transcript,
    adjtimex,
    read_transcript,
)
from tests.unit.diag.bench import Bench, make_bench

HERE = Path(__file__).parent


def take(bench: Bench, command: str, answer: str) -> None:
    """Let the bench's Pi be as a command and its answer show it."""
    if command == "date -u +%s":
        bench.clock.step_utc(int(answer) - bench.clock.now().utc_ns / 1e9)
    elif command == "cat /proc/uptime":
        bench.clock.advance(float(answer.split(maxsplit=1)[0]) - bench.clock.now().mono_ns / 1e9)
    elif command == "adjtimex --print":
        kernel = dict(adjtimex(answer))
        bench.clock.utc_error_ms = error_bound_ms(
            kernel["return value"], kernel["status"], kernel["maxerror"]
        )
        bench.pi.clock_offset_ms = offset_ms(kernel["status"], kernel["offset"])
    elif command.startswith("cat "):
        put(bench, Path(command.removeprefix("cat ")), answer)
    else:
        bench.pi.answers[command] = "" if NO_PROGRAM in answer else answer


def put(bench: Bench, path: Path, answer: str) -> None:
    file = bench.pi.root / path.relative_to("/")
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    if any(words in answer for words in UNREADABLE):
        file.mkdir(parents=True)  # it is there, and every read of it fails
    elif NO_FILE not in answer:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer.encode(errors="surrogateescape"))


def look(bench: Bench, transcript: Transcript, moment: Moment) -> Iterator[str]:
    """One line a condition, as doctor would say it then."""
    for command, answer in moment.answers:
        take(bench, command, answer)
    for line in examine(bench.subject, select(transcript.checks), CHECKS):
        if line.check in transcript.checks:
            yield f"{moment.time} {said(line.finding)}"


def said(finding: Finding) -> str:
    return " ".join([finding.code, finding.verdict, finding.measured])


def prepare(bench: Bench) -> None:
    """A board of which nothing is known but what the log says, its state on the log's disk."""
    for name in ("vcgencmd", "chronyc", "systemctl"):
        bench.pi.answers[name] = ""
    (bench.pi.root / "sys/class/thermal/thermal_zone0/temp").unlink()
    (bench.pi.root / "sys/class/thermal/thermal_zone0/type").unlink()
    bench.pi.mount(bench.state_dir, "mmcblk0", "mmcblk0p4")


@pytest.mark.parametrize("log", sorted(HERE.glob("*.log")), ids=lambda log: log.stem)
def test_log(log: Path, tmp_path: Path) -> None:
    bench, transcript = make_bench(tmp_path), read_transcript(log)
    prepare(bench)
    found = [line for moment in transcript.moments for line in look(bench, transcript, moment)]
    told = [line.replace(str(bench.pi.root), "") for line in found]
    assert told == log.with_suffix(".found").read_text(encoding="utf-8").splitlines()


def test_no_log_breaks_a_check() -> None:
    assert not [file.name for file in HERE.glob("*.found") if "the check broke" in file.read_text()]
