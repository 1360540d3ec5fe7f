"""`anpr-fleet unit retire`: a unit's end in the workshop.

`--json`: {"schema": 1, "unit", "revoked": N, "left": [WHAT]}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator
from dataclasses import replace

from anpr_edge.cli.fleet_places import add_fleet_option, add_keys_options, fleet_folder, open_authority
from anpr_edge.cli.output import counted, json_line, note

SCHEMA = 1

TEXT = """Retire a unit: its certificates are revoked, its file says so for good, and its name is not given
again. Says what is left to do, since brokers, the centre and the unit itself do not know of it yet.

  anpr-fleet unit retire unit-0001"""


def add_command(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `retire`."""
    parser = commands.add_parser(
        "retire", help="retire a unit", description=TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="UNIT", help="the unit's id")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_fleet_option(parser)
    add_keys_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Revoke, mark, and say what is left. A second time it says the same, and changes nothing."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.enrolment import revoke
    from anpr_edge.fleet.issuing import now_of
    from anpr_edge.fleet.revocation import REASONS, RevokedList
    from anpr_edge.fleet.unitrecord import State

    folder = fleet_folder(arguments)
    with folder.changing():
        unit = folder.unit(arguments.name)
        count = 0
        if set(unit.serials) - RevokedList.load(folder).serials:
            authority, why = open_authority(arguments, folder), REASONS["cessation"]
            count = revoke(folder, authority, unit, why, now_of(SystemClock()), state=State.RETIRED)
        elif unit.state is not State.RETIRED:
            folder.save([replace(unit, state=State.RETIRED)])
    left = list(_left(unit.name, had_certificate=bool(unit.serials)))
    if arguments.json:
        json_line({"schema": SCHEMA, "unit": unit.name, "revoked": count, "left": left})
        return 0
    print(f"{unit.name} is retired; {counted(count, 'certificate')} revoked")
    for what in left:
        note(f"left to do: {what}")
    return 0


def _left(name: str, *, had_certificate: bool) -> Iterator[str]:
    if had_certificate:
        yield "at each broker: anpr-fleet broker config, install the folder, restart it"
    yield f"at each centre, once its last reads have arrived: anpr-central units remove {name}"
    yield "on the unit, if it is still at hand: anpr-edge retire, which destroys its keys and what it kept"
    yield "in git: commit the fleet folder"
