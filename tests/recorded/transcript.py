"""Recorded logs of a unit: what was typed at its terminal, moment by moment, and what it answered.

A line with a time of day begins a moment; `$ ` begins a command, and what follows is its answer. A file that
is read with `cat` stays as it was until it is read again. The shell's own errors stand for what a program
would meet: a path that is gone, one that cannot be read, a program that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_MOMENT = re.compile(r"\d\d:\d\d(?::\d\d)?")
NO_FILE = "No such file or directory"
UNREADABLE = ("No such device", "Invalid argument", "Input/output error", "Resource temporarily unavailable")
NO_PROGRAM = "command not found"


@dataclass
class Moment:
    """A time of day, and each command with its answer, in order."""

    time: str
    answers: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Transcript:
    """A whole log; `checks` are those it is for."""

    checks: tuple[str, ...]
    moments: list[Moment]


def read_transcript(path: Path) -> Transcript:
    """One log file."""
    checks: tuple[str, ...] = ()
    moments: list[Moment] = []
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if line.startswith("# checks:"):
            checks = tuple(line.removeprefix("# checks:").split())
        elif _MOMENT.fullmatch(line):
            moments.append(Moment(line))
        elif line.startswith("$ "):
            moments[-1].answers.append((line[2:], ""))
        elif moments and moments[-1].answers:
            command, before = moments[-1].answers[-1]
            moments[-1].answers[-1] = (command, f"{before}{line}\n")
    return Transcript(checks, moments)


def adjtimex(answer: str) -> Iterator[tuple[str, int]]:
    """The numbers that adjtimex(8) prints."""
    for line in answer.splitlines():
        name, _, value = line.replace("=", ":", 1).partition(":")
        if re.fullmatch(r"-?\d+", value.strip()):
            yield name.strip(), int(value)
