"""`anpr-fleet unit retire`: a unit's end in the workshop.

`--json`: {"schema": 1, "unit", "revoked": N, "left": [WHAT], "proof"}; `proof` holds the lines of a proof
that was given and holds, else null.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_places import add_fleet_option, add_keys_options, fleet_folder, open_authority
from anpr_edge.cli.output import counted, json_line, note
from anpr_edge.errors import SealError, UsageError, reason
from anpr_edge.seal.certificates import read_certificate

if TYPE_CHECKING:
    from anpr_edge.fleet.folder import FleetFolder
    from anpr_edge.seal.retirement import Proof

SCHEMA = 1

TEXT = """Retire a unit: its certificates are revoked, its file says so for good, and its name is not given
again. Says what is left to do, since brokers, the centre and the unit itself do not know of it yet.

  anpr-fleet unit retire unit-0001
  anpr-fleet unit retire unit-0001 --proof unit-0001.retired.txt

With the page that `anpr-edge retire` wrote on the unit, it is checked first: both its signatures must hold,
and the unit's newest certificate must be of the key that made one of them."""


def add_command(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `retire`."""
    parser = commands.add_parser(
        "retire", help="retire a unit", description=TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("name", metavar="UNIT", help="the unit's id")
    parser.add_argument(
        "--proof", type=Path, metavar="FILE", help="the page the unit signed when its keys were destroyed"
    )
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
        proof = _proof(arguments.proof, folder, unit.name) if arguments.proof else None
        count = 0
        if set(unit.serials) - RevokedList.load(folder).serials:
            authority, why = open_authority(arguments, folder), REASONS["cessation"]
            count = revoke(folder, authority, unit, why, now_of(SystemClock()), state=State.RETIRED)
        elif unit.state is not State.RETIRED:
            folder.save([replace(unit, state=State.RETIRED)])
    left = list(_left(unit.name, had_certificate=bool(unit.serials), proven=proof is not None))
    if arguments.json:
        said = {"schema": SCHEMA, "unit": unit.name, "revoked": count, "left": left}
        json_line({**said, "proof": None if proof is None else dict(proof.fields)})
        return 0
    print(f"{unit.name} is retired; {counted(count, 'certificate')} revoked")
    if proof is not None:
        print(f"its proof holds: {proof.fields['time']}, {proof.fields.get('sealed reads destroyed', '')}")
        note(f"its reads were signed by {proof.verify_key.text}: is that the key the centre has for it?")
    for what in left:
        note(f"left to do: {what}")
    return 0


def _proof(path: Path, folder: FleetFolder, name: str) -> Proof:
    """The unit's own proof. Raises: UsageError, SealError."""
    from anpr_edge.seal.retirement import certified_proof

    try:
        page = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {reason(error)}") from error
    certificate = read_certificate(folder.certificate_file(name))
    try:
        return certified_proof(page, f"{folder.fleet}/{name}", certificate)
    except SealError as error:
        raise SealError(f"{path}: {error}", hint=error.hint) from None


def _left(name: str, *, had_certificate: bool, proven: bool) -> Iterator[str]:
    if had_certificate:
        yield "at each broker: anpr-fleet broker config, install the folder, restart it"
    yield f"at each centre, once its last reads have arrived: anpr-central units remove {name}"
    if not proven:
        yield "on the unit, if it is still at hand: anpr-edge retire destroys its keys and what it kept"
    yield "in git: commit the fleet folder"
