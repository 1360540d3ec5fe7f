"""Units from a table: what a CSV file would change in the fleet folder, and everything wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import UsageError
from anpr_edge.fleet.filing import read_given
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.settings import checked_settings, value_of
from anpr_edge.fleet.unitconfig import own_problems
from anpr_edge.fleet.unitrecord import (
    LATITUDE,
    LONGITUDE,
    MOUNTING,
    FleetUnit,
    State,
    group_names,
    name_text,
    note_text,
    site_text,
    whole_place,
)
from anpr_edge.seal.wire_values import Wrong

LARGEST_BYTES: Final = 16 * 2**20
NAME_COLUMN: Final = "unit"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a table, and where; `column` is empty when it is about a whole line."""

    line: int
    column: str
    text: str


@dataclass(slots=True)
class ImportPlan:
    """What a table would do. With `problems` nothing is to be done."""

    added: list[FleetUnit] = field(default_factory=list)
    changed: list[tuple[FleetUnit, FleetUnit]] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def units(self) -> list[FleetUnit]:
        """The units to write."""
        return [*self.added, *(after for _, after in self.changed)]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, str]


def plan_import(folder: FleetFolder, path: Path) -> ImportPlan:
    """What the table in a CSV file would change; nothing is written.

    A column that the table does not have stays as it is in every unit; an empty cell states nothing. A unit
    that the table does not name, or that is retired, is left alone.

    Raises: UsageError when the file cannot be read.
    """
    plan, rows = ImportPlan(), _rows(_text(path))
    seen: dict[str, int] = {}
    for row in rows:
        if isinstance(row, Problem):
            plan.problems.append(row)
            continue
        try:
            _judge(folder, row, seen, plan)
        except _Refused as refused:
            plan.problems += refused.problems
    return plan


class _Refused(Exception):
    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems


def _judge(folder: FleetFolder, row: _Row, seen: dict[str, int], plan: ImportPlan) -> None:
    name = _checked(row, NAME_COLUMN, name_text)
    if name in seen:
        raise _Refused(Problem(row.line, NAME_COLUMN, f"{name} stands on line {seen[name]} already"))
    seen[name] = row.line
    if name in folder.plan.clients:
        raise _Refused(Problem(row.line, NAME_COLUMN, f"{name} is a client's name in fleet.toml"))
    before = folder.unit(name) if folder.has_unit(name) else None
    if before is not None and before.state is State.RETIRED:
        plan.retired.append(name)
        return
    after = _applied(before or FleetUnit(name), row)
    if before is not None and before.table() == after.table():
        plan.same.append(name)
        return
    if after.settings and (found := own_problems(folder.plan, after)):
        raise _Refused(*(Problem(row.line, key, text) for key, text in found))
    if before is None:
        plan.added.append(after)
    else:
        plan.changed.append((before, after))


def _applied(unit: FleetUnit, row: _Row) -> FleetUnit:
    """The unit as the row has it. Raises: _Refused with all that is wrong with the row."""
    problems: list[Problem] = []
    for column in row.cells:
        if column == NAME_COLUMN:
            continue
        try:
            unit = _with_cell(unit, column, row)
        except _Refused as refused:
            problems += refused.problems
    if problems:
        raise _Refused(*problems)
    try:
        return whole_place(unit)
    except Wrong as wrong:
        raise _Refused(Problem(row.line, "", str(wrong).removeprefix("site."))) from None


def _with_cell(unit: FleetUnit, column: str, row: _Row) -> FleetUnit:
    if column in MOUNTING:
        value = _checked(row, column, lambda text: MOUNTING[column](_number(text)), None)
        return replace(unit, mounting=_set(unit.mounting, column, value))
    if column in FIELDS:
        check, empty = FIELDS[column]
        return replace(unit, **{column: _checked(row, column, check, empty)})
    section, _, key = column.partition(".")
    value = _checked(row, column, value_of, None)
    inner = _set(unit.settings.get(section, {}), key, value)
    return replace(unit, settings=_set(unit.settings, section, inner or None))


def _set(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """`values` with one of them set, or without it for None."""
    rest = {name: kept for name, kept in values.items() if name != key}
    return rest if value is None else rest | {key: value}


def _checked(row: _Row, column: str, check: Callable[[str], Any], empty: Any = ...) -> Any:
    """What a cell says; `empty` for nothing. Raises: _Refused."""
    cell = row.cells[column]
    if not cell and empty is not ...:
        return empty
    try:
        return check(cell)
    except Wrong as wrong:
        raise _Refused(Problem(row.line, column, str(wrong))) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Wrong(f"{text!r} is not a number such as 51.5007") from None


FIELDS: Final[Mapping[str, tuple[Callable[[str], Any], Any]]] = {
    "site": (site_text, ""),
    "lat_deg": (lambda text: LATITUDE(_number(text)), None),
    "lon_deg": (lambda text: LONGITUDE(_number(text)), None),
    "groups": (lambda text: group_names(tuple(text.replace(",", " ").split())), ()),
    "note": (note_text, ""),
}
COLUMNS: Final = (NAME_COLUMN, *FIELDS, *MOUNTING)


def _text(path: Path) -> str:
    content = read_given(path, LARGEST_BYTES, "table of units")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{line}: not UTF-8 text", hint="save the table as CSV in UTF-8") from None


def _rows(text: str) -> Iterator[_Row | Problem]:
    """Every line of the table with its cells by column; of a bad heading, what is wrong with it alone."""
    heading = text.partition("\n")[0]
    separator = ";" if ";" in heading and "," not in heading else ","
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    columns: list[str] = []
    line = 1
    try:
        for cells in reader:
            at, line = line, reader.line_num + 1
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if not columns:
                columns = stripped
                if problems := list(_heading_problems(at, columns)):
                    yield from problems
                    return
            elif len(stripped) != len(columns):
                yield Problem(at, "", f"{len(stripped)} cells, and the table has {len(columns)} columns")
            else:
                yield _Row(at, dict(zip(columns, stripped, strict=True)))
    except csv.Error as error:
        yield Problem(reader.line_num, "", f"not CSV: {error}")
    if not columns:
        yield Problem(1, "", "empty: the first line has to name the columns")


def _heading_problems(line: int, columns: list[str]) -> Iterator[Problem]:
    if NAME_COLUMN not in columns:
        yield Problem(line, "", f"no column {NAME_COLUMN}; the first line has to name the columns")
    for at, column in enumerate(columns):
        if column in columns[:at]:
            yield Problem(line, column, "the column is there twice")
        elif column not in COLUMNS and (text := _unknown(column)):
            yield Problem(line, column, text)


def _unknown(column: str) -> str:
    """What is wrong with a column that is not one of COLUMNS; empty when it is a setting."""
    section, _, key = column.partition(".")
    if section and key:
        try:
            checked_settings({section: {key: 0}})
        except Wrong as wrong:
            return str(wrong)
        return ""
    near = get_close_matches(column, COLUMNS, n=1)
    known = f"did you mean {near[0]}?" if near else f"there are {', '.join(COLUMNS)}"
    return f"unknown column {column!r}; {known}, and keys of a configuration such as exposure.mode"
