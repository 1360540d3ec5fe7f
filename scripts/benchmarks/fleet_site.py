"""What a fleet of simulated units stands on: authority, certificates, broker and centre, all real."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anpr_edge.cli.output import progress
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import CERTIFICATE_FILE, Authority, Issued, write_private
from anpr_edge.fleet.broker import Listener, free_port, write_mosquitto
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from scripts.benchmarks.fleet_unit import FEED, FLEET, HOST

CENTRE: Final = "centre"
CENTRAL: Final = (sys.executable, "-m", "anpr_edge.cli.central")


@dataclass(frozen=True, slots=True)
class Site:
    """A fleet's folder; nothing in it runs yet."""

    folder: Path
    listener: Listener
    broker_config: Path
    recipient: tuple[str, str]
    """The centre's public keys: what opens, and what signs watermarks."""

    names: tuple[str, ...]

    @property
    def units(self) -> Path:
        """Each unit's keys and certificate, in a folder of its name."""
        return self.folder / "units"

    @property
    def home(self) -> Path:
        """The centre's files."""
        return self.folder / CENTRE

    def start_centre(self, store: str) -> subprocess.Popen[bytes]:
        """`anpr-central subscribe` as a centre runs it, storing in `store`."""
        where = ["--home", str(self.home), "--host", HOST, "--port", str(self.listener.port)]
        what = ["--fleet", FLEET, "--feed", FEED, "--name", CENTRE, "--store", store]
        with (self.folder / "centre.log").open("ab") as log:
            return subprocess.Popen(
                [*CENTRAL, "subscribe", *where, *what],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )


def make_site(folder: Path, count: int) -> Site:
    """Keys and certificates for so many units, a broker and a centre."""
    clock = SystemClock()
    authority = Authority.create(folder / "authority", FLEET, clock)
    server = folder / "server"
    _write_leaf(server, authority, authority.issue_server(HOST))
    listener = Listener(free_port(), server / CERTIFICATE_FILE, server / "tls.crt", server / "tls.pem", HOST)
    config = write_mosquitto(folder / "broker", FLEET, listener, {CENTRE: (FEED,)})
    names = tuple(f"unit-{number:04d}" for number in range(1, count + 1))
    units = folder / "units"
    units.mkdir()
    (units / CERTIFICATE_FILE).write_bytes(authority.cert_pem)
    known = [_make_unit(units / name, name, authority) for name in names]
    return Site(folder, listener, config, _make_centre(folder / CENTRE, authority, known), names)


def _make_unit(folder: Path, name: str, authority: Authority) -> str:
    """One unit's keys and certificate; returns its line in the centre's list."""
    progress(f"certificates: {name}")
    _write_leaf(folder, authority, authority.issue_client(name))
    key = SigningKey.generate()
    key.save(folder / "sign.pem")
    return f'"{name}" = "{key.public.text}"\n'


def _make_centre(home: Path, authority: Authority, known: list[str]) -> tuple[str, str]:
    _write_leaf(home, authority, authority.issue_client(CENTRE))
    key, ack_key = RecipientPrivateKey.generate(), SigningKey.generate()
    key.save(home / "recipient.pem")
    ack_key.save(home / "ack.pem")
    (home / "units.toml").write_text("[units]\n" + "".join(known), encoding="utf-8")
    return key.public.text, ack_key.public.text


def _write_leaf(folder: Path, authority: Authority, issued: Issued) -> None:
    folder.mkdir(parents=True)
    (folder / CERTIFICATE_FILE).write_bytes(authority.cert_pem)
    (folder / "tls.crt").write_bytes(issued.cert_pem)
    write_private(folder / "tls.pem", issued.key_pem)
