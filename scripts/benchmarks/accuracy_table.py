"""The accuracy measurement for a person: a row for each slice and contender."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from anpr_edge.cli.output import counted, note, table

FEW_PLATES: Final = 10
"""Slices of fewer plates are in the JSON only: their intervals say nothing."""
DASH: Final = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class _Column:
    """One figure: the factor it is shown with, and digits of its value and of its interval."""

    title: str
    key: str
    factor: int = 100
    digits: int = 1
    interval_digits: int = 0
    of_scenes: bool = False

    def cell(self, values: Mapping[str, Any]) -> str:
        figure = values[self.key]
        if figure is None:
            return DASH
        value = f"{figure['value'] * self.factor:.{self.digits}f}"
        low, high = (f"{figure[end] * self.factor:.{self.interval_digits}f}" for end in ("low", "high"))
        return f"{value} ({low}{DASH}{high})"


_COLUMNS: Final = (
    _Column("recall", "detector_recall", of_scenes=True),
    _Column("false/pic", "false_plates_per_picture", 1, 2, 2, of_scenes=True),
    _Column("false reads/pic", "false_reads_per_picture", 1, 2, 2, of_scenes=True),
    _Column("captured", "capture_rate"),
    _Column("right/plates", "read_right"),
    _Column("right/reads", "read_accuracy"),
    _Column("strict", "read_accuracy_strict"),
    _Column("char err", "character_error_rate", interval_digits=1),
    _Column("calib err", "calibration_error", interval_digits=1),
    _Column("by chance", "calibration_error_by_chance", interval_digits=1),
    _Column("surest 90 %", "surest_90_accuracy"),
)


def show(result: Mapping[str, Any]) -> None:
    """Print the measurement."""
    where = result["machine"]
    print(f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}")
    print(f"{result['runtime']}, 1 thread, {', '.join(result['models'])}")
    split = f" of {result['split']}" if result["split"] else ""
    count = counted(result["pictures"], result["kind"].removesuffix("s"))
    print(f"{count}{split}; per cent (95 % interval); O/0/Q and I/1 as one\n")
    columns = [column for column in _COLUMNS if result["kind"] == "scenes" or not column.of_scenes]
    headings = ["", "pics", "plates", *(column.title for column in columns), "ms p50", "p95", "cpu ms"]
    table(headings, list(_rows(result["slices"], columns)))
    note(f"slices of fewer than {FEW_PLATES} plates: --json; what the columns mean: docs/accuracy.md")


def _rows(by_name: Mapping[str, Mapping[str, Any]], columns: Sequence[_Column]) -> Iterator[list[str]]:
    """The contenders of one slice stand below each other."""
    ours, *others = by_name
    for name in _worth_showing(by_name[ours]):
        yield [name, *_cells(by_name[ours][name], columns)]
        for other in others:
            yield [f"  {other}", *_cells(by_name[other][name], columns)]


def _worth_showing(slices: Mapping[str, Any]) -> Iterator[str]:
    """Names of slices with enough plates; a country that is the same pictures as a source is left out."""
    shown: list[Any] = []
    for name, values in slices.items():
        enough = values["plates"] >= FEW_PLATES or name in ("all", "no plate")
        if enough and not (name.startswith("country ") and values in shown):
            shown.append(values)
            yield name


def _cells(values: Mapping[str, Any], columns: Sequence[_Column]) -> list[str]:
    ms, processor_ms, pictures = values["ms"], values["processor_ms"], values["pictures"]
    times = [f"{ms['p50']:.1f}", f"{ms['p95']:.1f}", f"{processor_ms['p50']:.1f}"] if ms else [""] * 3
    counts = ["" if pictures is None else str(pictures), str(values["plates"])]
    return [*counts, *(column.cell(values) for column in columns), *times]
