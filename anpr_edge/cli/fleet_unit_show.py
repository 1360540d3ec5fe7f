"""`anpr-fleet unit list` and `show`: what the fleet folder knows of its units.

`list --json`: {"schema": 1, "fleet", "units": [{"unit", "state", "site", "groups", "certificate_until",
"revoked": whether that certificate is}]};
`show --json`: {"schema": 1, "unit", …its file's keys…, "certificate_until", "revoked": [SERIAL]}.
Both have null for "revoked" when the unit has certificates and authority/crl.pem cannot be read.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.fleet_places import add_fleet_option, fleet_folder
from anpr_edge.cli.output import counted, json_line, note, show_warning, table
from anpr_edge.errors import KeyFileError

if TYPE_CHECKING:
    from anpr_edge.fleet.folder import FleetFolder
    from anpr_edge.fleet.unitrecord import FleetUnit

SCHEMA = 1
STATES = ("planned", "bundled", "enrolled", "retired")

LIST_TEXT = """List the units of a fleet, and how far each is.

  anpr-fleet unit list
  anpr-fleet unit list --state enrolled --group north --json"""

SHOW_TEXT = """Show all the fleet folder knows of a unit; --config shows the configuration it will be given.

  anpr-fleet unit show unit-0001
  anpr-fleet unit show unit-0001 --config > unit.toml"""


def add_command(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `list` and `show`."""
    listing = commands.add_parser(
        "list", help="list units", description=LIST_TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    listing.add_argument("--state", choices=STATES, help="those that are this far")
    listing.add_argument("--group", metavar="G", help="those of a group")
    listing.set_defaults(run=run_list)
    show = commands.add_parser(
        "show", help="show one unit", description=SHOW_TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    show.add_argument("name", metavar="UNIT", help="the unit's id")
    how = show.add_mutually_exclusive_group()
    how.add_argument("--config", action="store_true", help="print its unit.toml instead")
    show.set_defaults(run=run_show)
    for parser, place in ((listing, listing), (show, how)):
        place.add_argument("--json", action="store_true", help="print one JSON object")
        add_fleet_option(parser)


def run_list(arguments: Namespace) -> int:
    """Print one line a unit."""
    folder = fleet_folder(arguments)
    units = [unit for unit in folder.units() if _wanted(unit, arguments)]
    listed = _revoked(folder) if any(unit.serials for unit in units) else frozenset()
    rows = [(unit, _until(folder, unit), _is_revoked(unit, listed)) for unit in units]
    if arguments.json:
        said = [
            {
                "unit": unit.name,
                "state": unit.state,
                "site": unit.site,
                "groups": list(unit.groups),
                "certificate_until": until,
                "revoked": revoked,
            }
            for unit, until, revoked in rows
        ]
        json_line({"schema": SCHEMA, "fleet": folder.fleet, "units": said})
        return 0
    if rows:
        table(
            ("unit", "state", "certificate", "groups", "site"),
            [
                (unit.name, unit.state, _standing(until, gone), " ".join(unit.groups), unit.site)
                for unit, until, gone in rows
            ],
        )
    note(counted(len(rows), "unit"))
    return 0


def run_show(arguments: Namespace) -> int:
    """Print a unit, or its configuration."""
    folder = fleet_folder(arguments)
    unit = folder.unit(arguments.name)
    if arguments.config:
        print(folder.unit_files(unit.name)["unit.toml"].decode(), end="")
        return 0
    until = _until(folder, unit)
    listed = _revoked(folder) if unit.serials else frozenset()
    revoked = None if listed is None else sorted(listed.intersection(unit.serials))
    if arguments.json:
        known = {"certificate_until": until, "revoked": revoked}
        json_line({"schema": SCHEMA, "unit": unit.name, **unit.table(), **known})
        return 0
    print(unit.dump().decode(), end="")
    if until:
        others = f"; {len(revoked)} of {len(unit.serials)} are" if revoked is not None else ", unless"
        note(f"its newest certificate is good until {_day(until)}{others} revoked")
    return 0


def _wanted(unit: FleetUnit, arguments: Namespace) -> bool:
    return arguments.state in (None, unit.state) and (
        arguments.group is None or arguments.group in unit.groups
    )


def _until(folder: FleetFolder, unit: FleetUnit) -> Any:
    """When a unit's newest certificate ends, ISO 8601; None when it has none."""
    from anpr_edge.fleet.keysfolder import read_pem

    if not unit.serials:
        return None
    return read_pem(folder.certificate_file(unit.name)).not_valid_after_utc.isoformat()


def _revoked(folder: FleetFolder) -> frozenset[str] | None:
    """The serial numbers that are revoked; None, and a warning, when nobody can tell."""
    from anpr_edge.fleet.revocation import RevokedList

    try:
        return RevokedList.load(folder).serials
    except KeyFileError as error:
        show_warning("nobody can tell which certificates are revoked", error)
        return None


def _is_revoked(unit: FleetUnit, listed: frozenset[str] | None) -> bool | None:
    """Whether a unit's newest certificate is; None when nobody can tell."""
    if not unit.serials:
        return False
    return None if listed is None else unit.serials[-1] in listed


def _standing(until: str | None, revoked: bool | None) -> str:
    """What a unit's newest certificate is worth, for its line of the list."""
    if revoked is None:
        return f"{_day(until)}, or revoked"
    return "revoked" if revoked else _day(until)


def _day(moment: str | None) -> str:
    return moment[:10] if moment else "-"
