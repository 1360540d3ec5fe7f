"""The fleet on a terminal: plain ANSI, as many rows as fit, the worst units first."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from anpr_edge.central.fleet_conditions import Verdict
from anpr_edge.central.fleet_report import FleetReport, UnitReport
from anpr_edge.cli.output import coloured, counted
from anpr_edge.cli.status import duration

KINDS: Final = {Verdict.FAIL: "fail", Verdict.WARN: "warn", Verdict.NOT_KNOWN: "skip", Verdict.OK: "ok"}
HEADINGS: Final = ("", "unit", "system", "health", "waiting", "oldest", "what")
SYSTEM: Final = HEADINGS.index("system")
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The alternate screen without a cursor, and back. Source: xterm control sequences."""

HOME, CLEAR_LINE, CLEAR_REST = "\x1b[H", "\x1b[K", "\x1b[J"
POLL_S: Final = 0.2
MOST_SYSTEMS: Final = 6
"""Of versions, in one line."""


def lines(report: FleetReport, *, width: int | None = None, height: int | None = None) -> list[str]:
    """The screen as lines of text, cut to `width` columns and `height` rows where they are given."""
    head, units = _head(report), report.shown
    room = len(units) if height is None else max(0, height - len(head) - 1)
    shown = units if len(units) <= room else units[: max(0, room - 1)]
    rows = _telling([HEADINGS, *(_row(unit) for unit in shown)], report)
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    body = [_cut(_aligned(row, widths), width) for row in rows]
    marked = [body[0], *(_marked(text, unit) for text, unit in zip(body[1:], shown, strict=True))]
    left = len(units) - len(shown)
    more = [f"… {left} more"] if left else []
    return [*(_cut(line, width) for line in head), *marked, *more][:height]


def _head(report: FleetReport) -> list[str]:
    fleet, counts = report.fleet, report.counts
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count) or "nobody yet"
    groups = f", {' '.join(sorted(report.wanted.groups))}" if report.wanted.groups else ""
    unknown = f"; the groups of {counted(report.groupless, 'unit')} are not known" if report.groupless else ""
    left = f"; {counted(report.left_out, 'unit')} left out: away, and not listed" if report.left_out else ""
    first = f"fleet {fleet.fleet}{groups}: {told}{unknown}{left}"
    if not fleet.connected:
        return [first, f"NOT CONNECTED, nothing below is certain: {fleet.detail}", *_updates(report)]
    ignored = f"; {fleet.unreadable} messages not understood" if fleet.unreadable else ""
    return [first, f"{fleet.detail}{ignored}", *_updates(report)]


def _updates(report: FleetReport) -> list[str]:
    """How far the update is; or which systems run, when there are several."""
    if report.rollout:
        return [f"update {report.rollout.version}: {report.rollout.words}"]
    systems = report.systems
    told = [f"{count} {version}" for version, count in systems[:MOST_SYSTEMS]]
    more = len(systems) - len(told)
    return [f"systems: {', '.join(told)}{f', and {more} more' if more else ''}"] if len(systems) > 1 else []


def _telling(rows: list[tuple[str, ...]], report: FleetReport) -> list[tuple[str, ...]]:
    """Without the column of systems when all run the same one, and no update is looked at."""
    if report.rollout or len({_system(one) for one in report.units}) > 1:
        return rows
    return [(*row[:SYSTEM], *row[SYSTEM + 1 :]) for row in rows]


def _system(one: UnitReport) -> str:
    return one.unit.systems.words if one.unit.systems else "-"


def _row(one: UnitReport) -> tuple[str, ...]:
    age = "-" if one.health_age_s is None else duration(one.health_age_s)
    feeds = (one.unit.health.feeds if one.unit.health else None) or {}
    waiting = [feed.waiting for feed in feeds.values() if feed.waiting is not None]
    oldest = [feed.oldest_age_s for feed in feeds.values() if feed.oldest_age_s is not None]
    what = "; ".join(f"{found.condition.code}: {found.measured}" for found in one.wrong)
    return (
        f"{KINDS[one.verdict]:<4}",
        one.unit.name,
        _system(one),
        age,
        str(sum(waiting)) if waiting else "-",
        duration(max(oldest)) if oldest else "-",
        what,
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else text[: max(0, width - 1)] + "…"


def _marked(text: str, one: UnitReport) -> str:
    mark = KINDS[one.verdict]
    return coloured(text[:4], mark, sys.stdout) + text[4:] if len(text) >= 4 else text


class Screen:
    """Takes over the terminal until the block ends; redraws in place, and notices `q` and a new size."""

    def __init__(self) -> None:
        self._drawn_for: tuple[int, int] = (0, 0)
        self._saved: list[object] | None = None

    def __enter__(self) -> Screen:
        if sys.stdin.isatty():
            self._saved = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        _write(ENTER)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        _write(LEAVE)
        if self._saved is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved)  # type: ignore[arg-type]

    @property
    def is_resized(self) -> bool:
        """Whether the terminal has another size than what was drawn."""
        return self._drawn_for != _size()

    def draw(self, report: FleetReport) -> None:
        """Replace what is there, without flicker."""
        width, height = self._drawn_for = _size()
        text = "".join(f"{line}{CLEAR_LINE}\n" for line in lines(report, width=width, height=height - 1))
        _write(f"{HOME}{text}q quits{CLEAR_LINE}{CLEAR_REST}")

    def is_quit(self) -> bool:
        """Whether somebody pressed `q`."""
        if self._saved is None:
            return False
        ready, _, _ = select.select([sys.stdin], [], [], 0)
        return bool(ready) and os.read(sys.stdin.fileno(), 64).lower().find(b"q") >= 0


@contextmanager
def screen_if(wanted: bool) -> Iterator[Screen | None]:
    """A `Screen` when one is wanted, else None."""
    if not wanted:
        yield None
        return
    with Screen() as screen:
        yield screen


def _size() -> tuple[int, int]:
    """Columns and rows of the terminal now; the environment's COLUMNS would not follow it."""
    size = os.get_terminal_size(sys.stdout.fileno())
    return (size.columns, size.lines) if size.columns and size.lines else (80, 24)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
