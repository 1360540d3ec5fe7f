"""A workshop whose broker lets units enrol with a token, all of it set up by the commands alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.auditlog import read_audit
from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main as workshop
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.broker import Listener, free_port, running_mosquitto
from anpr_edge.fleet.enroller import log_file
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.keysfolder import KeysFolder
from anpr_edge.uplink.tls import Credentials
from tests.bundles import Machine
from tests.integration.conftest import files_in, write_credentials
from tests.unit.config.samples import ACK_KEY, RECIPIENT

HOST, FEED = "localhost", "charging"
FLEET_TOML = """
[broker]
host = "{host}"
port = {port}

[feeds.{feed}]
purpose = "Road user charging"
recipients = ["{recipient}"]
ack_key = "{ack_key}"

[consumers.centre]
feeds = ["{feed}"]

[access]
enrollers = ["enroller"]

[enrolment]
port = {enrol_port}
"""


@dataclass
class EnrolmentSite:
    """A workshop, its broker's folder, and the ports."""

    home: Path
    port: int
    enrol_port: int

    @property
    def folder(self) -> FleetFolder:
        return FleetFolder(self.home / "demo")

    def pole(self, name: str, unit: str = "unit-0001") -> Machine:
        """A machine that has just taken this unit's bundle."""
        machine = Machine(self.home / name)
        blob = (self.home / "bundles" / f"{unit}.bundle").read_bytes()
        (machine.card / f"{unit}.bundle").write_bytes(blob)
        assert edge(["provision", "--root", str(machine.root)]) == 0
        return machine

    def credentials(self, name: str) -> Credentials:
        """A client with a certificate of this fleet in this name, a unit's or another's; always the same."""
        place = self.home / "clients" / name
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            authority = KeysFolder(self.home / "demo-keys").authority(self.folder, SystemClock())
            write_credentials(place, authority, authority.issue_client(name))
        return files_in(place)

    @staticmethod
    def enrol(machine: Machine, wait_s: float = 0.6) -> int:
        """Ask once for a machine's certificate."""
        return edge(["enrol", "--root", str(machine.root), "--once", "--wait", str(wait_s)])

    def serve(self) -> int:
        """Answer what is there, and half a second more."""
        arguments = ["enrol", "--serve", "--fleet-dir", str(self.home / "demo"), "--idle", "0.5"]
        return workshop([*arguments, "--home", str(self.home / "clients/enroller")])

    def configure(self) -> Path:
        """The broker's folder as `anpr-fleet broker config` writes it now, with the tokens known now."""
        out = self.home / "broker"
        arguments = ["broker", "config", "--fleet-dir", str(self.home / "demo"), "--address", "127.0.0.1"]
        assert workshop([*arguments, "--out", str(out), "--installed-at", str(out)]) == 0
        (out / "state").mkdir(exist_ok=True)
        return out

    @contextmanager
    def broker(self) -> Iterator[subprocess.Popen[bytes]]:
        """mosquitto, configured anew."""
        out = self.configure()
        files = (out / "ca.crt", out / "server.crt", out / "server.pem")
        with running_mosquitto(out / "mosquitto.conf", Listener(self.port, *files), SystemClock()) as process:
            yield process

    def events(self) -> list[tuple[str, str]]:
        """What the workshop's log says, chained and whole."""
        audit = read_audit(log_file(self.folder))
        assert audit.trouble == ""
        return [(str(entry["unit"]), str(entry["event"])) for entry in audit.entries]


def make_enrolment_site(place: Path) -> EnrolmentSite:
    """Fleet demo, in `place`, with two units that have a token in their bundles and no certificate yet."""
    made = EnrolmentSite(place, free_port(), free_port())
    demo = place / "demo"
    where = ["--fleet-dir", str(demo)]
    assert workshop(["authority", "create", "demo", "--no-passphrase", *where]) == 0
    text = FLEET_TOML.format(
        host=HOST,
        port=made.port,
        enrol_port=made.enrol_port,
        feed=FEED,
        recipient=RECIPIENT,
        ack_key=ACK_KEY,
    )
    with (demo / "fleet.toml").open("a") as file:
        file.write(text)
    (place / "units.csv").write_text("unit\nunit-0001\nunit-0002\n")
    assert workshop(["unit", "import", str(place / "units.csv"), *where]) == 0
    assert workshop(["server", HOST, *where]) == 0
    for client in ("enroller", "centre"):
        assert workshop(["consumer", client, "--out", str(place / "clients" / client), *where]) == 0
    assert workshop(["unit", "bundle", "--all", "--token", "--out", str(place / "bundles"), *where]) == 0
    return made
