"""`anpr-fleet server` and `consumer`: certificates of brokers and centres."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_places import (
    add_fleet_option,
    add_keys_options,
    fleet_folder,
    keys_folder,
)
from anpr_edge.cli.output import note
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import KeyFileError
from anpr_edge.fleet.authority import CERTIFICATE_FILE, Issued, make_folder, write_private

if TYPE_CHECKING:
    from anpr_edge.fleet.folder import FleetFolder

CONSUMER_TEXT = """Make what a centre needs to meet the broker: its key tls.pem and certificate tls.crt,
and the authority's ca.crt, in the folder that `anpr-central subscribe --home` reads.

  anpr-fleet consumer centre --out centre --fleet-dir demo"""

SERVER_TEXT = """Make a broker's key and certificate. NAME is the host name or IP address under which units
and centres reach it: they accept no other. The key goes into the keys folder, the certificate into the
fleet folder, and `anpr-fleet broker config` takes both from there. Run again it renews the certificate.

  anpr-fleet server broker.example --fleet-dir demo"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `consumer` and `server`."""
    consumer = subparsers.add_parser(
        "consumer",
        help="make a key and certificate for a centre",
        description=CONSUMER_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    consumer.add_argument("name", help="the name by which the broker knows the centre")
    consumer.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for tls.pem, tls.crt and ca.crt"
    )
    consumer.set_defaults(run=run_consumer)
    server = subparsers.add_parser(
        "server",
        help="make a key and certificate for a broker, or renew it",
        description=SERVER_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    server.add_argument("name", help="the broker's host name or IP address")
    server.set_defaults(run=run_server)
    for parser in (consumer, server):
        add_fleet_option(parser)
        add_keys_options(parser)


def run_consumer(arguments: Namespace) -> int:
    """Make a centre's folder."""
    folder = fleet_folder(arguments)
    if folder.has_unit(arguments.name):
        raise KeyFileError(
            f"{arguments.name} is a unit's name", hint="the broker knows both by name: take another"
        )
    with folder.changing():
        authority = keys_folder(arguments).authority(folder, SystemClock())
        issued = authority.issue_client(arguments.name)
        files = save_issued(issued, arguments.out, "tls")
        _remember(folder, arguments.name, issued)
    trust: Path = arguments.out / CERTIFICATE_FILE
    _write(trust, authority.cert_pem)
    for path in (*files, trust):
        print(path)
    if arguments.name not in folder.plan.clients:
        note(f"Say in fleet.toml what {arguments.name} may do: [consumers.{arguments.name}], or [access].")
    return 0


def _remember(folder: FleetFolder, name: str, issued: Issued) -> None:
    """Keep the certificate with those before it, so that it can be revoked."""
    from anpr_edge.fleet.filing import write_all
    from anpr_edge.fleet.folder import client_file

    path = client_file(folder, name)
    make_folder(path.parent)
    write_all({path: (path.read_bytes() if path.exists() else b"") + issued.cert_pem})


def run_server(arguments: Namespace) -> int:
    """Make or renew a broker's certificate."""
    from anpr_edge.fleet.filing import write_all
    from anpr_edge.fleet.folder import SERVERS_DIR, server_certificate
    from anpr_edge.fleet.keysfolder import make_private_folder

    folder, keys = fleet_folder(arguments), keys_folder(arguments)
    place = f"{SERVERS_DIR}/{arguments.name}.pem"
    path = keys.directory / place
    known = keys.p256_key(place) if path.exists() else None
    issued = keys.authority(folder, SystemClock()).issue_server(arguments.name, known)
    if known is None:
        make_private_folder(path.parent)
        write_private(path, issued.key_pem)
    certificate = server_certificate(folder, arguments.name)
    make_folder(certificate.parent)
    write_all({certificate: issued.cert_pem})
    print(path)
    print(certificate)
    return 0


def save_issued(issued: Issued, directory: Path, name: str) -> tuple[Path, Path]:
    """Write NAME.pem (private, 0600) and NAME.crt.

    Raises: KeyFileError when the key is there already or the folder cannot be written.
    """
    make_folder(directory)
    key, certificate = directory / f"{name}.pem", directory / f"{name}.crt"
    if key.exists():
        raise KeyFileError(
            f"{key}: exists, and a key is never overwritten", hint="move it away, or name another folder"
        )
    try:
        write_private(key, issued.key_pem)
    except OSError as error:
        raise KeyFileError(f"{key}: {error.strerror}", hint="name another folder") from error
    _write(certificate, issued.cert_pem)
    return key, certificate


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", hint="name another folder") from error
