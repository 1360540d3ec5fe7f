"""A real unit in a folder: keys, certificates, configuration and outbox, to be broken one thing at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from anpr_edge.devices.clock import SystemClock
from anpr_edge.diag.condition import Check, Finding
from anpr_edge.diag.subject import Subject
from anpr_edge.fleet.authority import Authority, write_private
from anpr_edge.fleet.provision import FeedPlan, UnitPlan
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.statefile import StateFile
from tests.fakes import FakeClock
from tests.unit.diag.fake_pi import FakePi

UNIT = "unit-0001"


@dataclass
class Bench:
    """The unit on the bench, and the fleet's authority beside it."""

    directory: Path
    authority: Authority
    clock: FakeClock
    pi: FakePi
    broker_host: str = "127.0.0.1"
    broker_port: int = 8883
    more: str = ""
    feed: FeedPlan | None = None
    camera: dict[str, Any] = field(default_factory=lambda: {"source": "synthetic"})

    @property
    def config(self) -> Path:
        return self.directory / "unit.toml"

    @property
    def state_dir(self) -> Path:
        return self.directory / "state"

    @property
    def keys(self) -> Path:
        return self.state_dir / "keys"

    @property
    def run_dir(self) -> Path:
        return self.directory / "run"

    def write_config(self) -> None:
        """Write the configuration as the bench now says, with `more` at its end."""
        centre = RecipientPrivateKey.generate().public.text
        feed = self.feed or FeedPlan("access", "test", (centre,), SigningKey.generate().public.text)
        plan = UnitPlan(
            fleet="testfleet",
            unit=UNIT,
            site="bench",
            state_dir=self.state_dir,
            run_dir=self.run_dir,
            broker_host=self.broker_host,
            broker_port=self.broker_port,
            feeds=(feed,),
            camera=self.camera,
        )
        plan.write(self.config)
        with self.config.open("a", encoding="utf-8") as file:
            file.write(self.more)

    def enrol(self, name: str = UNIT) -> None:
        """Give the unit a new TLS key and a certificate for it."""
        issued = self.authority.issue_client(name)
        (self.keys / "tls.pem").unlink(missing_ok=True)
        write_private(self.keys / "tls.pem", issued.key_pem)
        (self.keys / "tls.crt").write_bytes(issued.cert_pem)
        (self.keys / "ca.crt").write_bytes(self.authority.cert_pem)

    def make_outbox(self) -> Path:
        """An empty outbox, as the reader makes it."""
        path = self.state_dir / "outbox.db"
        retention = {"access": timedelta(hours=72)}
        SqliteOutbox(path, self.clock, max_bytes=1_000_000, retention=retention).close()
        return path

    def find(self, check: Check) -> dict[str, Finding]:
        """What one check finds now, by code."""
        return {finding.code: finding for finding in check.run(self.subject)}

    @property
    def subject(self) -> Subject:
        """The unit as doctor meets it now."""
        return Subject(self.config, self.clock, self.pi.machine)

    def say(self, process: str, **own: Any) -> None:
        """Write a state file as a running service does."""
        head = {
            "schema": 1,
            "process": process,
            "mono_s": self.clock.now().mono_ns / 1e9,
            "uptime_s": 86_400.0,
        }
        StateFile(self.run_dir / f"{process}.json").write({**head, "state": "running", "stages": {}, **own})


def make_bench(directory: Path) -> Bench:
    """A unit as it is after init and enrolment, without services."""
    authority = Authority.create(directory / "authority", "testfleet", SystemClock())
    pi = FakePi(directory / "pi")
    bench = Bench(directory, authority, FakeClock(utc_ns=time.time_ns()), pi)
    pi.utc_s = lambda: bench.clock.now().utc_ns / 1e9
    bench.keys.mkdir(parents=True)
    bench.run_dir.mkdir()
    signing_key = SigningKey.generate()
    signing_key.save(bench.keys / "sign.pem")
    (bench.keys / "sign.pub").write_text(f"{signing_key.public.text}\n")
    bench.enrol()
    bench.write_config()
    return bench
