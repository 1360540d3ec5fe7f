"""`anpr-fleet broker config`: all that a broker needs, made of the fleet folder."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_places import add_fleet_option, fleet_folder, keys_place
from anpr_edge.cli.output import counted, note
from anpr_edge.errors import UsageError

if TYPE_CHECKING:
    from anpr_edge.fleet.broker import Listener
    from anpr_edge.fleet.folder import FleetFolder

TEXT = """Write a folder with all that a broker needs for the fleet: configuration, access list, certificate,
key, and the list of revoked certificates; for mosquitto a systemd drop-in too. Who may read which feed is in
fleet.toml. Prints the configuration's place, and says how to install the folder on the broker's machine. Run
it again when fleet.toml changes, a server's certificate is renewed or something is revoked.

  anpr-fleet server broker.example
  anpr-fleet broker config --out broker
  anpr-fleet broker config --for emqx --out emqx"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `broker` with its command config."""
    group = subparsers.add_parser("broker", help="write a broker's configuration and access list")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    config = commands.add_parser(
        "config",
        help="write all that mosquitto or EMQX needs, into a folder",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    config.add_argument(
        "--for", dest="kind", choices=("mosquitto", "emqx"), default="mosquitto", help="(%(default)s)"
    )
    config.add_argument("--host", help="which of fleet.toml's brokers it is (the first)")
    config.add_argument(
        "--address",
        default="",
        help="listen on this address of the broker's machine alone; 0.0.0.0 is all of IPv4, :: all of IPv6 "
        "(default: everywhere, both)",
    )
    config.add_argument(
        "--out", type=Path, default=Path("broker"), metavar="FOLDER", help="folder to write (%(default)s)"
    )
    config.add_argument(
        "--installed-at",
        type=Path,
        metavar="FOLDER",
        help="where the folder will lie on the broker's machine; paths in the configuration start there "
        "(/etc/mosquitto/anpr or /etc/emqx)",
    )
    add_fleet_option(config)
    config.add_argument(
        "--keys", type=Path, metavar="FOLDER", help="the folder of private keys (beside the fleet folder)"
    )
    config.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Write the folder and say how to install it."""
    folder = fleet_folder(arguments)
    clients = dict(folder.plan.consumers)
    if not clients:
        raise UsageError(
            "fleet.toml names no centre: nobody would read a feed", hint="add [consumers.NAME] with its feeds"
        )
    clients |= {name: () for name in folder.plan.watchers if name not in clients}
    if both := sorted(folder.plan.clients & set(folder.unit_names())):
        raise UsageError(
            f"{both[0]} is a unit and a client in fleet.toml", hint="the broker knows them by name"
        )
    listener = _listener(arguments, folder)
    pack = _emqx if arguments.kind == "emqx" else _mosquitto
    pack(arguments, folder, listener, clients)
    return 0


def _listener(arguments: Namespace, folder: FleetFolder) -> Listener:
    """The broker's own certificate and key, checked as its clients will check them."""
    from anpr_edge.fleet.authority import CERTIFICATE_FILE, check_server
    from anpr_edge.fleet.broker import Listener
    from anpr_edge.fleet.folder import REVOKED_FILE, SERVERS_DIR, server_certificate
    from anpr_edge.fleet.keysfolder import read_pem
    from anpr_edge.fleet.revocation import RevokedList
    from anpr_edge.seal import keyfile

    places = {place.host: place for place in folder.plan.brokers}
    host = arguments.host or next(iter(places), None)
    if host not in places:
        known = ", ".join(places) or "none"
        raise UsageError(
            f"no broker {host or ''} in fleet.toml; there is {known}", hint="add it: [broker] host = …"
        )
    certificate = server_certificate(folder, host)
    key = keys_place(folder.directory, arguments.keys) / SERVERS_DIR / f"{host}.pem"
    for path in (certificate, key):
        if not path.exists():
            raise UsageError(f"{path}: not there", hint=f"anpr-fleet server {host} makes key and certificate")
    own = folder.authority_dir / CERTIFICATE_FILE
    check_server(read_pem(own), certificate.read_bytes(), keyfile.read(key))
    RevokedList.load(folder)
    return Listener(
        places[host].port, own, certificate, key, arguments.address, folder.authority_dir / REVOKED_FILE
    )


def _mosquitto(
    arguments: Namespace, folder: FleetFolder, listener: Listener, clients: dict[str, tuple[str, ...]]
) -> None:
    from anpr_edge.fleet.broker import INSTALLED_AT, SERVICE_FILE, install_commands, pack_mosquitto

    place = (arguments.installed_at or INSTALLED_AT).absolute()
    out, commanders = arguments.out, folder.plan.commanders
    config = pack_mosquitto(out, folder.fleet, listener, clients, place, commanders=commanders)
    if folder.plan.enrol_port is not None:
        _add_enrolment(out, folder, listener, place)
    print(config)
    note(f"On the broker's machine (Debian: sudo apt-get install mosquitto), with the folder {out} there:")
    for line in install_commands(out, place):
        note(f"  {line}")
    drop_in = "/etc/systemd/system/mosquitto.service.d/anpr.conf"
    note(f"  sudo install -D -m 644 {out / SERVICE_FILE} {drop_in}")
    note("  sudo systemctl daemon-reload && sudo systemctl restart mosquitto")
    note(f"It keeps what is not yet delivered in {place / 'state'}: leave that folder to it.")


def _add_enrolment(out: Path, folder: FleetFolder, listener: Listener, place: Path) -> None:
    """The listener for units that have a token and no certificate yet."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.broker import CA_FILE, CERT_FILE, KEY_FILE
    from anpr_edge.fleet.enrollistener import add_enrolment
    from anpr_edge.fleet.tokens import good_tokens

    port, enrollers = folder.plan.enrol_port or 0, folder.plan.enrollers
    there = replace(
        listener, port=port, ca_file=place / CA_FILE, cert_file=place / CERT_FILE, key_file=place / KEY_FILE
    )
    tokens = list(good_tokens(folder, SystemClock().now().utc_ns // 10**9))
    add_enrolment(out, folder.fleet, there, tokens=tokens, enrollers=enrollers, installed_at=place)
    good = "is" if len(tokens) == 1 else "are"
    note(f"{counted(len(tokens), 'token')} {good} good at port {port}: to enrol, or to fetch the answer")


def _emqx(
    arguments: Namespace, folder: FleetFolder, listener: Listener, clients: dict[str, tuple[str, ...]]
) -> None:
    from anpr_edge.fleet.emqx import INSTALLED_AT, OLDEST, emqx_install_commands, pack_emqx
    from anpr_edge.fleet.enrolment import shut_out

    place = (arguments.installed_at or INSTALLED_AT).absolute()
    if folder.plan.enrol_port is not None:
        note("EMQX gets no listener for enrolment by token: carry the requests, or let mosquitto take them")
    out, commanders, names = arguments.out, folder.plan.commanders, list(shut_out(folder))
    config = pack_emqx(out, folder.fleet, listener, clients, place, commanders=commanders, shut_out=names)
    print(config)
    note(f"On the broker's machine, with EMQX {OLDEST} or newer and the folder {out} there:")
    for line in emqx_install_commands(out, place):
        note(f"  {line}")
    note("EMQX takes no list of revoked certificates from a file: acl.conf names who is without a good one.")
    note("Its dashboard (port 18083) has a known password: change it, and see docs/fleet.md, EMQX.")
