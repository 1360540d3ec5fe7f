"""`anpr-central units`: whose reads this centre believes.

`units list --json`: {"schema": 1, "units": {unit: verify key}}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction

from anpr_edge.cli.central_files import UNITS_FILE, add_file_option, add_home_option, chosen, load_units
from anpr_edge.cli.output import json_line, note

SCHEMA = 1
TEXT = f"""The list of units ({UNITS_FILE}): a read is believed only when the unit that is named in it
is listed and signed it. A running `anpr-central subscribe` heeds a change at once.

  anpr-central units add unit-0001 ed25519:…     (the verify key that anpr-edge init printed)
  anpr-central units list"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `units` with its commands add, remove and list."""
    group = subparsers.add_parser(
        "units",
        help="add, remove and list the units whose reads are believed",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="believe a unit", description="Add a unit and its verify key.")
    add.add_argument("unit", metavar="UNIT", help="the unit's id, as in its configuration")
    add.add_argument("key", metavar="KEY", help="its verify key, ed25519:…, as anpr-edge init printed it")
    add.add_argument("--replace", action="store_true", help="a listed unit gets this key instead of its own")
    add.set_defaults(run=run_add)
    remove = commands.add_parser(
        "remove", help="believe a unit no more", description="Take a unit off the list."
    )
    remove.add_argument("unit", metavar="UNIT", help="the unit's id")
    remove.set_defaults(run=run_remove)
    shown = commands.add_parser("list", help="show every unit and its key", description="One line a unit.")
    shown.add_argument("--json", action="store_true", help="print one JSON object")
    shown.set_defaults(run=run_list)
    for command in (add, remove, shown):
        add_home_option(command)
        add_file_option(command, "--units", UNITS_FILE, "the list")


def run_add(args: Namespace) -> int:
    """Add one unit."""
    from anpr_edge.central.unit_list import add_unit

    path = chosen(args, "units", UNITS_FILE)
    added = add_unit(path, args.unit, args.key, replace=args.replace)
    note(f"{path}: {args.unit} {'added' if added else 'is listed already'}")
    return 0


def run_remove(args: Namespace) -> int:
    """Remove one unit."""
    from anpr_edge.central.unit_list import remove_unit

    path = chosen(args, "units", UNITS_FILE)
    remove_unit(path, args.unit)
    note(f"{path}: {args.unit} removed")
    return 0


def run_list(args: Namespace) -> int:
    """Show all."""
    keys = {unit: key.text for unit, key in sorted(load_units(args).keys.items())}
    if args.json:
        json_line({"schema": SCHEMA, "units": keys})
    else:
        for unit, text in keys.items():
            print(f"{unit}  {text}")
    return 0
