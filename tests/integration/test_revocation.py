"""A revoked unit at a real broker: refused once it has the list, and nobody else is."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.broker import Listener, free_port, running_mosquitto
from anpr_edge.fleet.folder import FLEET_FILE, FleetFolder
from tests.fleet_folders import feeds_text

pytestmark = pytest.mark.broker
HOST = "127.0.0.1"
UNITS = ("unit-0001", "unit-0002")
CONNECT, CONNACK = bytes.fromhex("1011 0004 4d515454 05 02 003c 00 0004") + b"test", b"\x20"
"""Source: MQTT 5.0 §3.1, §3.2."""


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fleet of two enrolled units and a broker's certificate, made by the commands alone."""
    monkeypatch.chdir(tmp_path)
    assert main(["authority", "create", "demo", "--broker", HOST, "--no-passphrase"]) == 0
    with (tmp_path / "demo" / FLEET_FILE).open("a") as file:
        file.write(feeds_text())
    where = ["--fleet-dir", "demo"]
    assert main(["server", HOST, *where]) == 0
    for unit in UNITS:
        assert main(["unit", "add", unit, *where]) == 0
        assert edge(["init", "--state", unit, "--fleet", "demo", "--unit", unit]) == 0
        assert main(["enrol", f"{unit}/keys/tls.csr", "--unit", unit, *where]) == 0
    return tmp_path


def packed(workshop: Path) -> tuple[Path, Listener]:
    """The broker's folder as `broker config` writes it, for a free port of loopback."""
    port, place = free_port(), workshop / "broker"
    text = (workshop / "demo" / FLEET_FILE).read_text()
    lines = [f"port = {port}" if line.startswith("port = ") else line for line in text.splitlines()]
    (workshop / "demo" / FLEET_FILE).write_text("\n".join(lines) + "\n")
    command = ["broker", "config", "--address", HOST, "--out", str(place), "--installed-at", str(place)]
    assert main([*command, "--fleet-dir", "demo"]) == 0
    (place / "state").mkdir(exist_ok=True)
    listener = Listener(port, place / "ca.crt", place / "server.crt", place / "server.pem", HOST)
    return place / "mosquitto.conf", listener


def accepted(workshop: Path, unit: str, listener: Listener) -> bool:
    """Whether the broker takes a unit's certificate.

    In TLS 1.3 a client hears what became of it with the first answer, not in the handshake.
    """
    keys = workshop / unit / "keys"
    context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
    context.load_cert_chain(keys / "tls.crt", keys / "tls.pem")
    try:
        with (
            socket.create_connection((HOST, listener.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as link,
        ):
            link.sendall(CONNECT)
            return link.recv(4)[:1] == CONNACK
    except (ssl.SSLError, ConnectionError):
        return False


def test_a_revoked_unit_is_refused_and_others_are_not(workshop: Path) -> None:
    config, listener = packed(workshop)
    with running_mosquitto(config, listener, SystemClock()):
        assert [accepted(workshop, unit, listener) for unit in UNITS] == [True, True]
    assert main(["revoke", "unit-0001", "--fleet-dir", "demo"]) == 0
    with running_mosquitto(config, listener, SystemClock()):
        assert accepted(workshop, "unit-0001", listener), "the broker does not have the list yet"
    config, listener = packed(workshop)
    with running_mosquitto(config, listener, SystemClock()):
        assert [accepted(workshop, unit, listener) for unit in UNITS] == [False, True]


def test_a_revoked_unit_comes_back_with_a_new_key(workshop: Path) -> None:
    assert main(["revoke", "unit-0001", "--fleet-dir", "demo"]) == 0
    init = ["init", "--state", "unit-0001", "--fleet", "demo", "--unit", "unit-0001", "--force-new-identity"]
    assert edge(init) == 0
    assert main(["enrol", "unit-0001/keys/tls.csr", "--unit", "unit-0001", "--fleet-dir", "demo"]) == 0
    config, listener = packed(workshop)
    with running_mosquitto(config, listener, SystemClock()):
        assert [accepted(workshop, unit, listener) for unit in UNITS] == [True, True]


def test_a_renewed_unit_is_accepted_with_either_certificate(workshop: Path) -> None:
    old = (workshop / "unit-0001/keys/tls.crt").read_bytes()
    assert main(["renew", "unit-0001", "--fleet-dir", "demo"]) == 0
    new = FleetFolder(workshop / "demo").certificate_file("unit-0001").read_bytes()
    assert new != old
    config, listener = packed(workshop)
    with running_mosquitto(config, listener, SystemClock()):
        assert accepted(workshop, "unit-0001", listener)
        (workshop / "unit-0001/keys/tls.crt").write_bytes(new)
        assert accepted(workshop, "unit-0001", listener)


@pytest.mark.parametrize("whose", ["server", "release"])
def test_no_certificate_but_a_clients_is_taken(workshop: Path, whose: str) -> None:
    fleet, private, keys = workshop / "demo", workshop / "demo-keys", workshop / "unit-0001/keys"
    certificate, key = {
        "server": (fleet / f"certificates/servers/{HOST}.crt", private / f"servers/{HOST}.pem"),
        "release": (fleet / "authority/release.crt", private / "release.key"),
    }[whose]
    (keys / "tls.crt").write_bytes(certificate.read_bytes())
    (keys / "tls.pem").write_bytes(key.read_bytes())
    config, listener = packed(workshop)
    with running_mosquitto(config, listener, SystemClock()):
        assert [accepted(workshop, unit, listener) for unit in UNITS] == [False, True]
