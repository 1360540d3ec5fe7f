"""The computer a unit runs on: what its kernel shows as files, and what its programs answer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.devices.clock import kernel_offset_ms
from anpr_edge.update.layout import LAYOUT_FILE

ANSWER_WITHIN_S = 2.0
"""A program that has not answered a question about this computer by then will not."""

Ask = Callable[[Sequence[str]], str | None]


def ask_program(command: Sequence[str]) -> str | None:
    """What a program prints; None when it is not there, fails, or does not answer in time."""
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_WITHIN_S, check=True, errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look for it: `sys` as the kernel mounts it, `run` of the system, whom to ask, and where its
    image says how its slots lie.
    """

    sys: Path = Path("/sys")
    run: Path = Path("/run")
    ask: Ask = ask_program
    clock_offset_ms: Callable[[], float | None] = kernel_offset_ms
    layout_file: Path = LAYOUT_FILE


def read_text(path: Path) -> str | None:
    """A short file of the kernel, without white space around it; None when there is none or it is empty."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip() or None
    except OSError:
        return None


def read_number(path: Path) -> int | None:
    """The whole number in a file of the kernel, hexadecimal after `0x`; None when there is none."""
    try:
        return int(read_text(path) or "", 0)
    except ValueError:
        return None
