"""`anpr-fleet revoke`: certificates that brokers are not to believe any more.

`--json`: {"schema": 1, "name", "revoked": N, "list"}; `revoked` counts those that came to the list now.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_places import add_fleet_option, add_keys_options, fleet_folder, open_authority
from anpr_edge.cli.output import counted, json_line, note
from anpr_edge.errors import UsageError

if TYPE_CHECKING:
    from anpr_edge.fleet.folder import FleetFolder

SCHEMA = 1
WHY = ("key-compromise", "superseded", "cessation", "unspecified")

TEXT = """Revoke the certificates of a unit that was stolen, or of a unit or centre whose key may be
known: the fleet's list, authority/crl.pem, names them from now on. A broker refuses them once it has the
new list: `anpr-fleet broker config`, install the folder, restart the broker. Who is revoked may get a new
certificate.

  anpr-fleet revoke unit-0001
  anpr-fleet revoke centre
  anpr-fleet revoke unit-0001 --old            all but its newest, after the unit, or the machine in its
                                               place, got a new key"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `revoke`."""
    parser = subparsers.add_parser(
        "revoke",
        help="put a unit's or centre's certificates on the list that brokers refuse",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="the unit's id, or the centre's name")
    parser.add_argument("--old", action="store_true", help="its certificates before the newest one")
    parser.add_argument(
        "--reason", choices=WHY, default=WHY[0], help="why; it stands in the list (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_fleet_option(parser)
    add_keys_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Put certificates on the list and say where it has to go."""
    from anpr_edge.fleet.folder import REVOKED_FILE

    folder = fleet_folder(arguments)
    with folder.changing():
        count = _revoke(arguments, folder)
    path, name = folder.authority_dir / REVOKED_FILE, arguments.name
    if arguments.json:
        json_line({"schema": SCHEMA, "name": name, "revoked": count, "list": str(path)})
    else:
        print(path)
    note(f"{counted(count, 'certificate')} of {name} came to the list.")
    note("Brokers go on as before until they have it: anpr-fleet broker config, install the folder, restart.")
    return 0


def _revoke(arguments: Namespace, folder: FleetFolder) -> int:
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.enrolment import client_serials, revoke
    from anpr_edge.fleet.issuing import now_of
    from anpr_edge.fleet.revocation import REASONS, RevokedList

    why, when, old = REASONS[arguments.reason], now_of(SystemClock()), arguments.old
    unit = folder.unit(arguments.name) if folder.has_unit(arguments.name) else None
    serials = unit.serials if unit else client_serials(folder, arguments.name)
    if not serials:
        raise UsageError(f"{arguments.name} has no certificate", hint="anpr-fleet unit list shows who has")
    authority = open_authority(arguments, folder)
    if unit:
        return revoke(folder, authority, unit, why, when, but_newest=old)
    return RevokedList.load(folder).put(authority, serials[:-1] if old else serials, why, when)
