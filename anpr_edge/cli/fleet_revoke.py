"""`anpr-fleet revoke`: certificates that brokers are not to believe any more.

`--json`: {"schema": 1, "unit", "revoked": N, "list"}; `revoked` counts those that came to the list now.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction

from anpr_edge.cli.fleet_places import add_fleet_option, add_keys_options, fleet_folder, open_authority
from anpr_edge.cli.output import counted, json_line, note
from anpr_edge.errors import UsageError

SCHEMA = 1
WHY = ("key-compromise", "superseded", "cessation", "unspecified")

TEXT = """Revoke the certificates of a unit that was stolen, or whose key may be known: the fleet's list,
authority/crl.pem, names them from now on. A broker refuses them once it has the new list:
`anpr-fleet broker config`, install the folder, restart the broker. The unit may enrol again with a new key.

  anpr-fleet revoke unit-0001
  anpr-fleet revoke unit-0001 --old            all but its newest, after the unit got a new key"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `revoke`."""
    parser = subparsers.add_parser(
        "revoke",
        help="put a unit's certificates on the list that brokers refuse",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("unit", help="the unit's id")
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
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.enrolment import revoke
    from anpr_edge.fleet.folder import REVOKED_FILE
    from anpr_edge.fleet.issuing import now_of
    from anpr_edge.fleet.revocation import REASONS

    folder = fleet_folder(arguments)
    with folder.changing():
        unit = folder.unit(arguments.unit)
        if not unit.serials:
            raise UsageError(
                f"unit {unit.name} has no certificate", hint="anpr-fleet unit show says what it has"
            )
        count = revoke(
            folder,
            open_authority(arguments, folder),
            unit,
            REASONS[arguments.reason],
            now_of(SystemClock()),
            but_newest=arguments.old,
        )
    path = folder.authority_dir / REVOKED_FILE
    if arguments.json:
        json_line({"schema": SCHEMA, "unit": unit.name, "revoked": count, "list": str(path)})
    else:
        print(path)
    note(f"{counted(count, 'certificate')} of {unit.name} came to the list.")
    note("Brokers go on as before until they have it: anpr-fleet broker config, install the folder, restart.")
    return 0
