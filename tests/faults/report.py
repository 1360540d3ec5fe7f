"""The table that a run of the faults ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEADINGS = ("fault", "committed", "arrived", "repeats", "lost, reported", "s", "verdict")

WIDEST = 90
"""How much of a verdict the table shows; the failed test shows all."""


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one fault.

    `repeats` is what the centre said on ending: at least so many, because a killed centre says nothing.
    """

    fault: str
    committed: int
    arrived: int
    repeats: int
    lost: str
    seconds: float
    verdict: str

    def cells(self) -> tuple[str, ...]:
        return (
            self.fault,
            f"{self.committed}",
            f"{self.arrived}",
            f"{self.repeats}",
            self.lost or "none",
            f"{self.seconds:.1f}",
            self.verdict if len(self.verdict) <= WIDEST else f"{self.verdict[:WIDEST]}…",
        )


def table(lines: Sequence[Line]) -> list[str]:
    """Lines of text, one a fault, under their headings."""
    rows = [HEADINGS, *(line.cells() for line in lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
