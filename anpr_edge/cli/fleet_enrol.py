"""`anpr-fleet enrol` and `renew`: a unit's certificate request becomes its certificate.

`renew --json`: {"schema": 1, "renewed": [{"unit", "certificate", "until"}]}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_enrol_serve import SERVE_TEXT, add_serve_options, serve
from anpr_edge.cli.fleet_places import add_fleet_option, add_keys_options, fleet_folder, open_authority
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import counted, json_line, note
from anpr_edge.errors import UsageError

if TYPE_CHECKING:
    from anpr_edge.fleet.folder import FleetFolder

SCHEMA = 1

ENROL_TEXT = (
    """Sign a unit's certificate request: UNIT.csr, which `anpr-edge provision` left on the card, or
the tls.csr that `anpr-edge init` made. Beside UNIT.csr goes UNIT.crt: leave both on the card, and the unit
takes the certificate when it starts. Beside tls.csr go tls.crt, ca.crt and command.pub, for the keys folder.
The unit's private key never leaves the unit. The fleet folder remembers request and certificate.

  anpr-fleet enrol /media/me/bootfs/anpr/unit-0001.csr --unit unit-0001
  anpr-fleet enrol unit-0001/tls.csr --unit unit-0001 --fleet-dir demo"""
    + SERVE_TEXT
)

RENEW_TEXT = """Give units new certificates, for the requests that the fleet folder keeps, or one unit for a
new request. They lie in the fleet folder: certificates/UNIT.crt; bring each into its unit's keys folder as
tls.crt, where it counts without a restart. The one before stays good until it ends.

  anpr-fleet renew unit-0001 unit-0002
  anpr-fleet renew --within 60                 every unit whose certificate ends within 60 days
  anpr-fleet renew unit-0001 --request tls.csr"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `enrol` and `renew`."""
    enrol = subparsers.add_parser(
        "enrol",
        help="sign a unit's certificate request",
        description=ENROL_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    enrol.add_argument("request", type=Path, nargs="?", help="the unit's request, UNIT.csr or tls.csr")
    enrol.add_argument("--unit", help="the unit's id; the request must ask for exactly this")
    enrol.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where to write the certificate (beside the request); ca.crt and command.pub go beside tls.crt",
    )
    add_serve_options(enrol)
    enrol.set_defaults(run=run_enrol)
    renew = subparsers.add_parser(
        "renew",
        help="give enrolled units new certificates",
        description=RENEW_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    renew.add_argument("units", nargs="*", metavar="UNIT", help="a unit; several are renewed together")
    renew.add_argument(
        "--within", type=whole(1, 3650), metavar="DAYS", help="all whose certificate ends within DAYS"
    )
    renew.add_argument(
        "--request", type=Path, metavar="FILE", help="a new request, of one unit with a new key"
    )
    renew.add_argument("--json", action="store_true", help="print one JSON object")
    renew.set_defaults(run=run_renew)
    for parser in (enrol, renew):
        add_fleet_option(parser)
        add_keys_options(parser)


def run_enrol(arguments: Namespace) -> int:
    """Sign one request and write what its unit needs."""
    from anpr_edge.fleet.authority import CERTIFICATE_FILE
    from anpr_edge.fleet.commandkey import COMMAND_PUBLIC
    from anpr_edge.fleet.enrolment import enrol, read_request
    from anpr_edge.fleet.filing import write_all

    if arguments.serve:
        return serve(arguments)
    if arguments.request is None or arguments.unit is None:
        raise UsageError("which request, of which unit?", hint="give FILE and --unit UNIT, or --serve")
    folder = fleet_folder(arguments)
    request = read_request(arguments.request)
    with folder.changing():
        certificate = enrol(folder, open_authority(arguments, folder), arguments.unit, request)
    on_card = arguments.request.name == f"{arguments.unit}.csr"
    target: Path = arguments.out or arguments.request.with_name(
        f"{arguments.unit}.crt" if on_card else "tls.crt"
    )
    if on_card and not arguments.out:
        write_all({target: certificate})
        print(target)
        note(f"Leave it in the folder anpr of the card: {arguments.unit} takes it when it starts.")
        _tell_centre(arguments.unit, request)
        return 0
    shared = {name: folder.shared_files[name] for name in (CERTIFICATE_FILE, COMMAND_PUBLIC)}
    files = {target: certificate} | {target.with_name(name): content for name, content in shared.items()}
    write_all(files)
    for path in files:
        print(path)
    note(f"Bring these into the keys folder of {arguments.unit}.")
    _tell_centre(arguments.unit, request)
    return 0


def _tell_centre(unit: str, request: bytes) -> None:
    """The request says which key verifies the unit's reads, as the unit printed it."""
    from anpr_edge.seal.tls_request import told_verify_key

    if (key := told_verify_key(request)) is not None:
        note(f"next: at the centre: anpr-central units add {unit} {key.text}")


def run_renew(arguments: Namespace) -> int:
    """Sign units' requests again."""
    from anpr_edge.fleet.enrolment import enrol_all, read_request, stored_request
    from anpr_edge.fleet.keysfolder import read_pem

    folder = fleet_folder(arguments)
    with folder.changing():
        names = _names(arguments, folder)
        if arguments.request:
            requests = [(names[0], read_request(arguments.request))]
        else:
            requests = [(name, stored_request(folder, name)) for name in names]
        if requests:
            enrol_all(folder, open_authority(arguments, folder), requests)
    files = {name: folder.certificate_file(name) for name in names}
    until = {name: read_pem(path).not_valid_after_utc for name, path in files.items()}
    if arguments.json:
        said = [
            {"unit": name, "certificate": str(files[name]), "until": until[name].isoformat()}
            for name in names
        ]
        json_line({"schema": SCHEMA, "renewed": said})
        return 0
    for name in names:
        print(files[name])
    note(
        f"{counted(len(names), 'certificate')} renewed"
        + (f", good until {min(until.values()):%Y-%m-%d}" if names else "")
    )
    return 0


def _names(arguments: Namespace, folder: FleetFolder) -> Sequence[str]:
    """The units that are meant. Raises: UsageError."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.enrolment import standings
    from anpr_edge.fleet.issuing import now_of

    if bool(arguments.units) == bool(arguments.within):
        raise UsageError("which units?", hint="name them, or give --within DAYS")
    if arguments.request and len(arguments.units) != 1:
        raise UsageError("--request is one unit's", hint="name that unit alone")
    if arguments.units:
        return sorted(set(arguments.units))
    latest = now_of(SystemClock()) + timedelta(days=arguments.within)
    return [one.unit for one in standings(folder) if one.until <= latest and not one.revoked]
