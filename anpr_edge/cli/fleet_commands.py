"""What `anpr-fleet` does: the fleet's authority, and certificates for units, centres and the broker."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from anpr_edge.cli.output import note
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.fleet.authority import CERTIFICATE_FILE, Authority, Issued, make_folder, write_private
from anpr_edge.fleet.broker import (
    INSTALLED_AT,
    SERVICE_FILE,
    Listener,
    install_commands,
    pack_mosquitto,
)
from anpr_edge.fleet.commandkey import (
    COMMAND_KEY,
    COMMAND_PUBLIC,
    make_command_key,
    public_command_key,
)

AUTHORITY_TEXT = """Make the certificate authority of a fleet: ca.key, which signs, and ca.crt, which
units, centres and the broker trust. Once for each fleet; keep ca.key off every networked
machine, and a copy of it safe.

  anpr-fleet authority --dir authority --fleet demo"""

KEY_TEXT = """Make the key that signs commands to units: command.pem, and command.pub, which units
believe. `authority` makes one too; this is for a fleet from before there were commands, or for a
new key. Units take commands once command.pub is in their keys folder (docs/commands.md).

  anpr-fleet command-key --dir authority"""

ENROL_TEXT = """Sign the certificate request (tls.csr) that `anpr-edge init` made on a unit. Writes
tls.crt, the authority's ca.crt, and command.pub when the authority's folder has it, beside the
request: bring them into the unit's keys folder. The unit's private key never leaves the unit.

  anpr-fleet enrol unit-0001/tls.csr --dir authority --unit unit-0001"""

CONSUMER_TEXT = """Make what a centre needs to meet the broker: its key tls.pem and certificate tls.crt,
and the authority's ca.crt, in the folder that `anpr-central subscribe --home` reads.

  anpr-fleet consumer centre --dir authority --out centre"""

SERVER_TEXT = """Make the broker's key NAME.pem and certificate NAME.crt. NAME is the host name or IP
address under which units and centres reach it: they accept no other.

  anpr-fleet server broker.example --dir authority --out server"""

BROKER_TEXT = """Write a folder with all that mosquitto needs for a fleet: configuration, access list,
certificates, key and a systemd drop-in. Prints the configuration's place, and says how to
install the folder on the broker's machine. Run it again when consumers or feeds change.

  anpr-fleet broker --dir authority --cert server/broker.example.crt \\
      --key server/broker.example.pem --consumer centre=charging --out broker"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add authority, enrol, consumer, server and broker."""
    _add_authority(commands)
    _add_enrol(commands)
    _add_leaves(commands)
    _add_broker(commands)


def _add_authority(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    authority = _command(commands, "authority", "make a fleet's certificate authority", AUTHORITY_TEXT)
    _directory(authority)
    authority.add_argument("--fleet", required=True, help="the fleet's name, as in every unit's [unit] fleet")
    authority.set_defaults(run=_create)
    key = _command(commands, "command-key", "make the key that signs commands", KEY_TEXT)
    key.add_argument(
        "--dir", type=Path, required=True, metavar="FOLDER", help="folder for command.pem and command.pub"
    )
    key.set_defaults(run=_make_key)


def _add_enrol(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    enrol = _command(commands, "enrol", "sign a unit's certificate request", ENROL_TEXT)
    enrol.add_argument("request", type=Path, help="the tls.csr that anpr-edge init made on the unit")
    _directory(enrol)
    enrol.add_argument("--unit", required=True, help="the unit's id; the request must ask for exactly this")
    enrol.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where to write the certificate (tls.crt beside the request); ca.crt goes beside it",
    )
    enrol.set_defaults(run=_enrol)


def _add_leaves(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    consumer = _command(commands, "consumer", "make a key and certificate for a centre", CONSUMER_TEXT)
    consumer.add_argument("name", help="the name by which the broker knows the centre")
    _directory(consumer)
    consumer.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for tls.pem, tls.crt and ca.crt"
    )
    consumer.set_defaults(run=_consumer)

    server = _command(commands, "server", "make a key and certificate for the broker", SERVER_TEXT)
    server.add_argument("name", help="the broker's host name or IP address")
    _directory(server)
    server.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="folder for NAME.pem and NAME.crt (this one)",
    )
    server.set_defaults(run=_server)


def _add_broker(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    broker = _command(commands, "broker", "write a mosquitto configuration and access list", BROKER_TEXT)
    _directory(broker)
    broker.add_argument("--fleet", help="the fleet's name, to be sure: it must be the authority's")
    broker.add_argument("--port", type=_port, default=8883, help="the TLS port it listens on (%(default)s)")
    broker.add_argument(
        "--address",
        default="",
        help="listen on this address of the broker's machine alone; 0.0.0.0 is all of IPv4, :: all of IPv6 "
        "(default: everywhere, both)",
    )
    broker.add_argument("--cert", type=Path, required=True, metavar="FILE", help="the broker's certificate")
    broker.add_argument("--key", type=Path, required=True, metavar="FILE", help="its private key")
    broker.add_argument(
        "--out", type=Path, default=Path("broker"), metavar="FOLDER", help="folder to write (%(default)s)"
    )
    broker.add_argument(
        "--installed-at",
        type=Path,
        default=INSTALLED_AT,
        metavar="FOLDER",
        help="where the folder will lie on the broker's machine; paths in the configuration start there "
        "(%(default)s)",
    )
    broker.add_argument(
        "--consumer",
        action="append",
        required=True,
        metavar="NAME=FEED[,FEED…]",
        help="a centre and the feeds it may read; repeat for more",
    )
    broker.add_argument(
        "--commander",
        action="append",
        default=[],
        metavar="NAME",
        help="a certificate's name that may send commands and read replies; repeat for more",
    )
    broker.add_argument(
        "--watcher",
        action="append",
        default=[],
        metavar="NAME",
        help="who may run anpr-central watch and read no feed; repeat for more",
    )
    broker.set_defaults(run=_broker)


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, brief: str, text: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=brief, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dir", type=Path, required=True, metavar="FOLDER", help="the authority's folder (ca.key, ca.crt)"
    )


def _create(args: argparse.Namespace) -> int:
    Authority.create(args.dir, args.fleet, SystemClock())
    if public_command_key(args.dir) is None:
        make_command_key(args.dir)
    print(args.dir / CERTIFICATE_FILE)
    print(args.dir / COMMAND_PUBLIC)
    note(f"Made the authority of fleet {args.fleet}. Keep {args.dir / 'ca.key'} off every networked machine.")
    note(f"Move {args.dir / COMMAND_KEY} to where commands are given: it signs them, and nothing else.")
    return 0


def _make_key(args: argparse.Namespace) -> int:
    key = make_command_key(args.dir)
    print(key.text)
    note(f"Bring {args.dir / COMMAND_PUBLIC} into the keys folder of every unit, and restart its services.")
    return 0


def _enrol(args: argparse.Namespace) -> int:
    authority = Authority.load(args.dir, SystemClock())
    certificate = authority.issue_csr(_read(args.request), args.unit)
    target: Path = args.out or args.request.with_name("tls.crt")
    trust = target.with_name(CERTIFICATE_FILE)
    _write(target, certificate)
    _write(trust, authority.cert_pem)
    print(target)
    print(trust)
    key = public_command_key(args.dir)
    if key is None:
        note(f"No {COMMAND_PUBLIC} in {args.dir}: the unit will take no commands (anpr-fleet command-key)")
    else:
        believed = target.with_name(COMMAND_PUBLIC)
        _write(believed, f"{key.text}\n".encode())
        print(believed)
    note(f"Bring these into the keys folder of {args.unit}.")
    return 0


def _consumer(args: argparse.Namespace) -> int:
    authority = Authority.load(args.dir, SystemClock())
    files = save_issued(authority.issue_client(args.name), args.out, "tls")
    trust: Path = args.out / CERTIFICATE_FILE
    _write(trust, authority.cert_pem)
    for path in (*files, trust):
        print(path)
    return 0


def _server(args: argparse.Namespace) -> int:
    issued = Authority.load(args.dir, SystemClock()).issue_server(args.name)
    for path in save_issued(issued, args.out, args.name):
        print(path)
    return 0


def _broker(args: argparse.Namespace) -> int:
    authority = Authority.load(args.dir, SystemClock())
    if args.fleet and args.fleet != authority.fleet:
        raise UsageError(
            f"--fleet {args.fleet}: the authority in {args.dir} is of fleet {authority.fleet}",
            hint="name that fleet's authority, or leave --fleet out",
        )
    authority.check_server(_read(args.cert), _read(args.key))
    consumers = _with_watchers(_consumers(args.consumer), args.watcher)
    if not args.installed_at.is_absolute():
        args.installed_at = args.installed_at.absolute()
    listener = Listener(args.port, args.dir / CERTIFICATE_FILE, args.cert, args.key, args.address)
    fleet, commanders = authority.fleet, args.commander
    print(pack_mosquitto(args.out, fleet, listener, consumers, args.installed_at, commanders=commanders))
    _say_how_to_install(args.out, args.installed_at)
    return 0


def _say_how_to_install(folder: Path, installed_at: Path) -> None:
    note(f"On the broker's machine (Debian: sudo apt-get install mosquitto), with the folder {folder} there:")
    for line in install_commands(folder, installed_at):
        note(f"  {line}")
    drop_in = "/etc/systemd/system/mosquitto.service.d/anpr.conf"
    note(f"  sudo install -D -m 644 {folder / SERVICE_FILE} {drop_in}")
    note("  sudo systemctl daemon-reload && sudo systemctl restart mosquitto")
    note(f"It keeps what is not yet delivered in {installed_at / 'state'}: leave that folder to it.")


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


def _consumers(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, _, feeds = text.partition("=")
        if not name or not feeds:
            raise UsageError(f"--consumer {text}: expected NAME=FEED[,FEED…]")
        if name in found:
            raise UsageError(
                f"--consumer {name} is given twice", hint="name all its feeds at once: NAME=FEED,FEED"
            )
        found[name] = tuple(feeds.split(","))
    return found


def _with_watchers(
    consumers: dict[str, tuple[str, ...]], watchers: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    for name in watchers:
        if name in consumers:
            raise UsageError(
                f"--watcher {name} is a consumer too", hint="a consumer may watch anyway: leave it out"
            )
    return consumers | dict.fromkeys(watchers, ())


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text}: a port is a number from 1 to 65535")
    return int(text)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", hint="name another folder") from error
