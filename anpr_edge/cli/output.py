"""How every command prints: data and findings on stdout, words for people on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TextIO

from anpr_edge.errors import AnprError

Verdict = Literal["ok", "warn", "fail", "skip", "none"]

_COLOURS: Mapping[str, str] = {
    "ok": "32",
    "warn": "33",
    "fail": "31",
    "skip": "2",
    "none": "2",
    "error": "31",
    "hint": "36",
}


def coloured(word: str, kind: str, stream: TextIO) -> str:
    """`word` in the colour of `kind`, when `stream` is a terminal and NO_COLOR is not set.

    Source: no-color.org.
    """
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return word
    return f"\x1b[{_COLOURS[kind]}m{word}\x1b[0m"


def finding(
    verdict: Verdict, code: str, measured: str = "", limit: str = "", next_step: str = "", *, width: int = 0
) -> None:
    """Print one finding on a line of its own, and what to do about it on the next.

    `width` is how wide the codes of all findings are, so that the measured values stand below each other.
    """
    mark = coloured(f"{verdict:<4}", verdict, sys.stdout)
    parts = [f"{code:<{width}}", measured, f"(limit {limit})" if limit else ""]
    print(mark, "  ".join(part for part in parts if part).rstrip())
    if next_step:
        print(f"     next: {next_step}")


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their headings, in columns as wide as their widest cell."""
    cells = [[str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def counted(count: int, what: str) -> str:
    """A number and what it counts: `1 plate`, `2 plates`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def json_line(value: Mapping[str, Any]) -> None:
    """Print one JSON object on one line."""
    print(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))


def note(text: str) -> None:
    """Say something to the person, apart from the data."""
    print(text, file=sys.stderr, flush=True)


def progress(text: str) -> None:
    """Show how far a long command is: one line that replaces itself, and nothing when nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def show_error(error: AnprError) -> None:
    """Print a deliberate error, and what to do about it."""
    _show("error:", "error", str(error), error.hint)


def show_warning(what: str, error: AnprError) -> None:
    """Print what a command has to do without, because of an error that does not end it."""
    _show("warning:", "warn", f"{what}: {error}", error.hint)


def _show(word: str, kind: str, text: str, hint: str) -> None:
    note(f"{coloured(word, kind, sys.stderr)} {text}")
    if hint:
        note(f"{coloured('hint:', 'hint', sys.stderr)} {hint}")
