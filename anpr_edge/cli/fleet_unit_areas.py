"""`anpr-fleet unit areas`: import areas that were drawn under a pole into the fleet folder.

`--json`: {"schema": 1, "dry_run", "units": [{"unit", "changes": [WORDS]}], "problems": [TEXT]}; with problems
nothing was changed.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path

from anpr_edge.cli.fleet_places import add_change_options, fleet_folder
from anpr_edge.cli.output import counted, json_line, note

SCHEMA = 1

TEXT = """Import the areas that were drawn on units' aim pages into the fleet folder, so that a machine which
one day replaces a unit begins with them. Each file names its unit: the menu's drive-by test leaves
UNIT.areas.json on the stick, `anpr-edge config areas --out` makes it. They become [settings.view] of
units/UNIT.toml, in the place of those that are there, and go into the unit's next bundle.

  anpr-fleet unit areas /media/usb/*.areas.json --dry-run
  anpr-fleet unit areas /media/usb/*.areas.json"""


def add_command(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `areas`."""
    parser = commands.add_parser(
        "areas",
        help="import the areas that were drawn under a pole",
        description=TEXT,
        epilog="exit code: 0 done, or nothing to do; 1 a file is wrong somewhere, nothing was changed",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a unit's UNIT.areas.json")
    add_change_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Judge every file, and unless one is wrong or it is a dry run, import them."""
    from anpr_edge.fleet.unitareas import plan_areas

    folder = fleet_folder(arguments)
    with folder.changing():
        plan = plan_areas(folder, arguments.files)
        changed = [unit for unit in plan.units.values() if plan.changes[unit.name]]
        if not plan.problems and not arguments.dry_run:
            folder.save(changed)
    if arguments.json:
        units = [{"unit": name, "changes": said} for name, said in plan.changes.items()]
        json_line({"schema": SCHEMA, "dry_run": arguments.dry_run, "units": units, "problems": plan.problems})
    elif plan.problems:
        for line in plan.problems:
            print(line)
        note(f"{counted(len(plan.problems), 'problem')}; nothing was changed")
    else:
        for name, said in plan.changes.items():
            print(*(f"change {name}: {words}" for words in said), sep="\n", end="\n" if said else "")
        would = "would be " if arguments.dry_run else ""
        note(f"{counted(len(changed), 'unit')} {would}changed, {len(plan.units) - len(changed)} as before")
    return 1 if plan.problems else 0
