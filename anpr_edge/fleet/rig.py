"""A whole small fleet on this machine: a broker, one unit and one centre, in a folder of its own.

The demo and the integration tests stand on it. Everything is what a real fleet has: real commands in
processes of their own, real certificates, real TLS; only the addresses are loopback.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import tomli_w

from anpr_edge.errors import AnprError
from anpr_edge.fleet.authority import CERTIFICATE_FILE, Authority, write_private
from anpr_edge.fleet.broker import Listener, free_port, running_mosquitto, write_mosquitto
from anpr_edge.fleet.commandkey import COMMAND_PUBLIC, make_command_key
from anpr_edge.fleet.provision import FeedPlan, UnitPlan, enrol
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seams import Clock

FLEET, UNIT, CENTRE, CONTROL = "demo", "unit-0001", "centre", "control"
FEED = "charging"
PURPOSE = "Road user charging (demonstration)"
HOST = "127.0.0.1"
STOP_WITHIN_S = 15.0

EDGE = (sys.executable, "-m", "anpr_edge.cli.edge")
CENTRAL = (sys.executable, "-m", "anpr_edge.cli.central")


@dataclass(frozen=True, slots=True)
class Rig:
    """Where everything of the small fleet lies, and how to start its three processes."""

    directory: Path
    listener: Listener
    broker_config: Path
    unit: UnitPlan
    clock: Clock

    @property
    def config(self) -> Path:
        """The unit's configuration file."""
        return self.directory / "unit.toml"

    @property
    def centre_dir(self) -> Path:
        """The centre's keys, certificates, list of units and store."""
        return self.directory / "centre"

    @property
    def control_dir(self) -> Path:
        """What commands are given with: the command key, and a client's certificate."""
        return self.directory / "control"

    @property
    def store(self) -> Path:
        """Where the centre keeps what it opened, one JSON object a line."""
        return self.centre_dir / "reads.jsonl"

    def state(self, process: str) -> dict[str, Any]:
        """What `reader` or `uplink` last said of itself; empty before its first word."""
        try:
            state: dict[str, Any] = json.loads((self.unit.run_dir / f"{process}.json").read_text())
        except (OSError, ValueError):
            return {}
        return state

    @contextmanager
    def broker(self) -> Iterator[subprocess.Popen[bytes]]:
        """The broker runs while the block does."""
        with running_mosquitto(self.broker_config, self.listener, self.clock) as process:
            yield process

    def start_reader(self) -> subprocess.Popen[str]:
        """`anpr-edge read`, with its log in the rig's folder."""
        return self._start([*EDGE, "read", "--config", str(self.config)], "reader")

    def start_uplink(self) -> subprocess.Popen[str]:
        """`anpr-edge uplink`, with its log in the rig's folder."""
        return self._start([*EDGE, "uplink", "--config", str(self.config)], "uplink")

    def start_centre(self, *options: str) -> subprocess.Popen[str]:
        """`anpr-central subscribe` with its lines on the process's stdout; `options` are added."""
        arguments = [
            *("--home", str(self.centre_dir), "--store", str(self.store)),
            *("--host", self.listener.address, "--port", str(self.listener.port)),
            *("--fleet", FLEET, "--feed", FEED, "--name", CENTRE),
        ]
        return self._start([*CENTRAL, "subscribe", *arguments, *options], "centre", stdout=subprocess.PIPE)

    def log(self, process: str) -> Path:
        """What `reader`, `uplink` or `centre` said on stderr."""
        return self.directory / f"{process}.log"

    def _start(
        self, command: Sequence[str], name: str, stdout: IO[bytes] | int | None = None
    ) -> subprocess.Popen[str]:
        with self.log(name).open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log, text=True
            )


def build_rig(directory: Path, camera: Mapping[str, Any], clock: Clock) -> Rig:
    """Make certificates, keys and configurations for a broker, a unit and a centre in `directory`.

    `camera` is the unit's `[camera]` section.

    Raises: AnprError when one of our own commands fails; its words are in the message.
    """
    authority = Authority.create(directory / "authority", FLEET, clock)
    listener = _prepare_broker(directory / "broker", authority)
    broker_config = write_mosquitto(directory / "broker", FLEET, listener, {CENTRE: (FEED,)}, (CONTROL,))
    _prepare_control(directory / "control", authority)
    feed = _prepare_centre(directory / "centre", authority)
    unit = UnitPlan(
        fleet=FLEET,
        unit=UNIT,
        site="Loopback Road",
        state_dir=directory / "unit",
        run_dir=directory / "run",
        broker_host=HOST,
        broker_port=listener.port,
        feeds=(feed,),
        camera=camera,
    )
    rig = Rig(directory, listener, broker_config, unit, clock)
    _prepare_unit(rig, authority)
    return rig


def _prepare_broker(directory: Path, authority: Authority) -> Listener:
    directory.mkdir(parents=True)
    issued = authority.issue_server(HOST)
    listener = Listener(
        free_port(), directory / CERTIFICATE_FILE, directory / "server.crt", directory / "server.pem", HOST
    )
    listener.ca_file.write_bytes(authority.cert_pem)
    listener.cert_file.write_bytes(issued.cert_pem)
    write_private(listener.key_file, issued.key_pem)
    return listener


def _prepare_control(directory: Path, authority: Authority) -> None:
    make_command_key(directory)
    issued = authority.issue_client(CONTROL)
    (directory / CERTIFICATE_FILE).write_bytes(authority.cert_pem)
    (directory / "tls.crt").write_bytes(issued.cert_pem)
    write_private(directory / "tls.pem", issued.key_pem)


def _prepare_centre(directory: Path, authority: Authority) -> FeedPlan:
    public = tomllib.loads(_run([*CENTRAL, "keygen", "--out", str(directory)]))
    issued = authority.issue_client(CENTRE)
    (directory / CERTIFICATE_FILE).write_bytes(authority.cert_pem)
    (directory / "tls.crt").write_bytes(issued.cert_pem)
    write_private(directory / "tls.pem", issued.key_pem)
    return FeedPlan(FEED, PURPOSE, tuple(public["recipients"]), public["ack_key"])


def _prepare_unit(rig: Rig, authority: Authority) -> None:
    rig.unit.write(rig.config)
    command_key = VerifyKey.load(rig.control_dir / COMMAND_PUBLIC)
    identity = json.loads(_run([*EDGE, "init", "--config", str(rig.config), "--json"]))
    enrol(authority, rig.unit.state_dir, UNIT, command_key)
    known = {"units": {UNIT: identity["verify_key"]}}
    (rig.centre_dir / "units.toml").write_text(tomli_w.dumps(known))


def _run(command: Sequence[str]) -> str:
    """Run one of our commands and return what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AnprError(f"{' '.join(command[2:5])} failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
