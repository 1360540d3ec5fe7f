"""`anpr-fleet unit import`: a whole fleet from one table.

`--json`: {"schema": 1, "dry_run", "added": [NAME], "changed": [{"unit", "changes": [{"key", "from", "to"}]}],
"same": [NAME], "retired": [NAME], "problems": [{"line", "column", "text"}]}; with problems nothing was
changed.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.fleet_places import add_change_options, fleet_folder
from anpr_edge.cli.output import counted, json_line, note

if TYPE_CHECKING:
    from anpr_edge.fleet.unitimport import ImportPlan

SCHEMA = 1

TEXT = """Take units from a table (CSV, UTF-8, the first line names the columns): new ones are added, known
ones changed where the table says something else. The same table a second time changes nothing. With anything
wrong in it every wrong line is named, and nothing is changed.

  unit       the unit's id                       groups     groups it is in, blanks between them
  site       what people call the place          note       anything people should know
  lat_deg, lon_deg                               the surveyed place, WGS 84
  height_m, distance_m, offset_m, bearing_deg, lens_mm      how it hangs
  SECTION.KEY                                    a key of its configuration, such as exposure.speed_limit_km_h

  anpr-fleet unit import fleet.csv --dry-run
  anpr-fleet unit import fleet.csv"""


def add_command(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `import`."""
    parser = commands.add_parser(
        "import",
        help="take units from a CSV table",
        description=TEXT,
        epilog="exit code: 0 done, or nothing to do; 1 the table is wrong somewhere, nothing was changed",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", type=Path, metavar="FILE", help="the table")
    add_change_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Plan, and unless something is wrong or it is a dry run, do it."""
    from anpr_edge.fleet.unitimport import plan_import

    folder = fleet_folder(arguments)
    with folder.changing():
        plan = plan_import(folder, arguments.table)
        if not plan.problems and not arguments.dry_run:
            folder.save(plan.units)
    if arguments.json:
        json_line(_said(plan, arguments.dry_run))
    else:
        _show(plan, arguments)
    return 1 if plan.problems else 0


def _show(plan: ImportPlan, arguments: Namespace) -> None:
    if plan.problems:
        for one in plan.problems:
            print(": ".join(part for part in (f"{arguments.table}:{one.line}", one.column, one.text) if part))
        note(f"{counted(len(plan.problems), 'problem')}; nothing was changed")
        return
    for unit in plan.added:
        print(f"add {unit.name}")
    for before, after in plan.changed:
        for change in changes(before.table(), after.table()):
            print(f"change {after.name}: {change['key']}: {_word(change['from'])} → {_word(change['to'])}")
    would = "would be " if arguments.dry_run else ""
    note(
        f"{counted(len(plan.added), 'unit')} {would}added, {len(plan.changed)} {would}changed, "
        f"{len(plan.same)} as before"
    )
    if plan.retired:
        note(f"retired, and left alone: {', '.join(plan.retired)}")


def _said(plan: ImportPlan, dry_run: bool) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "dry_run": dry_run,
        "added": [unit.name for unit in plan.added],
        "changed": [
            {"unit": after.name, "changes": list(changes(before.table(), after.table()))}
            for before, after in plan.changed
        ],
        "same": plan.same,
        "retired": plan.retired,
        "problems": [{"line": one.line, "column": one.column, "text": one.text} for one in plan.problems],
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each key whose value differs, with both values; None where there is none."""
    old, new = dict(_flat(before)), dict(_flat(after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield {"key": key, "from": old.get(key), "to": new.get(key)}


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _word(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "nothing"
    return "nothing" if value is None else str(value)
