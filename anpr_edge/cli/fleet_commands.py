"""What `anpr-fleet` does: the fleet's authority, and certificates for units, centres and the broker."""

from __future__ import annotations

import argparse
from pathlib import Path

from anpr_edge.cli.output import note
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UsageError
from anpr_edge.fleet.authority import Authority, Issued, write_private
from anpr_edge.fleet.broker import Listener, write_mosquitto


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add authority, enrol, consumer, server and broker."""
    authority = commands.add_parser("authority", help="make a fleet's certificate authority")
    _directory(authority)
    authority.add_argument("--fleet", required=True, help="the fleet's name, as in every unit's [unit] fleet")
    authority.set_defaults(run=_create)

    enrol = commands.add_parser("enrol", help="sign a unit's certificate request")
    enrol.add_argument("request", type=Path, help="the tls.csr that anpr-edge init made on the unit")
    _directory(enrol)
    enrol.add_argument("--unit", required=True, help="the unit's id; the request must ask for exactly this")
    enrol.add_argument(
        "--out", type=Path, help="where to write the certificate (default: beside the request)"
    )
    enrol.set_defaults(run=_enrol)

    for command, whose, named, issue in (
        ("consumer", "a centre", "the name by which the broker knows the centre", Authority.issue_client),
        ("server", "the broker", "the broker's host name or IP address", Authority.issue_server),
    ):
        leaf = commands.add_parser(command, help=f"make a key and certificate for {whose}")
        leaf.add_argument("name", help=named)
        _directory(leaf)
        leaf.add_argument("--out", type=Path, default=Path(), help="folder for NAME.pem and NAME.crt")
        leaf.set_defaults(run=_issue, issue=issue)

    broker = commands.add_parser("broker", help="write a mosquitto configuration and access list")
    _directory(broker)
    broker.add_argument("--fleet", required=True)
    broker.add_argument("--port", type=int, default=8883)
    broker.add_argument("--address", default="0.0.0.0", help="where it listens (default: everywhere)")
    broker.add_argument("--cert", type=Path, required=True, help="the broker's certificate")
    broker.add_argument("--key", type=Path, required=True, help="its private key")
    broker.add_argument("--out", type=Path, default=Path("broker"), help="folder to write (default: broker)")
    broker.add_argument(
        "--consumer",
        action="append",
        default=[],
        metavar="NAME=FEED[,FEED…]",
        help="a centre and the feeds it may read; repeat for more",
    )
    broker.set_defaults(run=_broker)


def _directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dir", type=Path, required=True, metavar="FOLDER", help="the authority's folder (ca.key, ca.crt)"
    )


def _create(args: argparse.Namespace) -> int:
    Authority.create(args.dir, args.fleet, SystemClock())
    print(args.dir / "ca.crt")
    note(f"Made the authority of fleet {args.fleet}. Keep {args.dir / 'ca.key'} off every networked machine.")
    return 0


def _enrol(args: argparse.Namespace) -> int:
    certificate = Authority.load(args.dir, SystemClock()).issue_csr(_read(args.request), args.unit)
    target: Path = args.out or args.request.with_name("tls.crt")
    target.write_bytes(certificate)
    print(target)
    note(f"Bring {target.name} and ca.crt into the unit's keys folder.")
    return 0


def _issue(args: argparse.Namespace) -> int:
    authority = Authority.load(args.dir, SystemClock())
    key, certificate = save_issued(args.issue(authority, args.name), args.out, args.name)
    print(key)
    print(certificate)
    return 0


def _broker(args: argparse.Namespace) -> int:
    listener = Listener(args.port, args.dir / "ca.crt", args.cert, args.key, args.address)
    consumers = dict(_consumer(text) for text in args.consumer)
    print(write_mosquitto(args.out, args.fleet, listener, consumers))
    return 0


def save_issued(issued: Issued, directory: Path, name: str) -> tuple[Path, Path]:
    """Write NAME.pem (private, 0600) and NAME.crt; refuses to overwrite a key."""
    directory.mkdir(parents=True, exist_ok=True)
    key, certificate = directory / f"{name}.pem", directory / f"{name}.crt"
    if key.exists():
        raise UsageError(f"{key} exists", hint="move it away to issue a new one")
    write_private(key, issued.key_pem)
    certificate.write_bytes(issued.cert_pem)
    return key, certificate


def _consumer(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, feeds = text.partition("=")
    if not name or not feeds:
        raise UsageError(f"--consumer {text}: expected NAME=FEED[,FEED…]")
    return name, tuple(feeds.split(","))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
