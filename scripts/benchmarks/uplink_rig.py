"""A broker, a consumer and a unit's uplink on loopback, for measuring what goes over the wire."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.fleet.authority import Authority, write_private
from anpr_edge.fleet.broker import Listener, free_port, running_mosquitto, write_mosquitto
from anpr_edge.records import Delivery, LinkState
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message
from anpr_edge.uplink.mqtt import MqttUplink
from anpr_edge.uplink.tls import Credentials

FLEET, UNIT, FEED, CONSUMER, HOST = "bench", "unit-0001", "charging", "centre", "127.0.0.1"
WITHIN_S: Final = 20.0


@dataclass(frozen=True)
class Rig:
    """A running broker with a consumer of the feed, and the unit's files."""

    port: int
    files: Credentials
    clock: Clock

    @contextmanager
    def uplink(self, **settings: Any) -> Iterator[MqttUplink]:
        """A connected uplink."""
        uplink = MqttUplink(
            HOST,
            self.port,
            fleet=FLEET,
            unit=UNIT,
            feeds=[FEED],
            ca_file=self.files.ca_file,
            cert_file=self.files.cert_file,
            key_file=self.files.key_file,
            clock=self.clock,
            backoff=Backoff(random.Random(1), first_s=0.05, most_s=0.1),
            **settings,
        )
        uplink.start()
        try:
            self.await_link(uplink, connected=True)
            yield uplink
        finally:
            uplink.stop()

    def await_link(self, uplink: MqttUplink, *, connected: bool) -> None:
        """Wait for a change of the link."""
        for event in self._events(uplink):
            if isinstance(event, LinkState) and event.connected == connected:
                return

    def await_deliveries(self, uplink: MqttUplink, count: int) -> None:
        """Wait for that many accepted reads."""
        for event in self._events(uplink):
            count -= isinstance(event, Delivery) and event.accepted
            if count <= 0:
                return

    def _events(self, uplink: MqttUplink) -> Iterator[object]:
        deadline_ns = self.clock.now().mono_ns + round(WITHIN_S * 1e9)
        while self.clock.now().mono_ns < deadline_ns:
            yield from uplink.events(0.05)
        raise AnprError(f"the broker has not answered for {WITHIN_S:.0f} s")


class _Consumer:
    """Subscribes and throws away: without it a broker throws reads away itself, and says so."""

    def __init__(self, options: LinkOptions, clock: Clock) -> None:
        self.ready = threading.Event()
        self._link = Link(options, self, clock)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._link.run, args=(self._stopping,), daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self.ready.wait(WITHIN_S):
            raise AnprError("the consumer could not connect to the broker")

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def up(self, _: Limits) -> None:
        self._link.subscribe([topics.reads(FLEET, "+", FEED)])
        self.ready.set()

    def message(self, message: Message) -> None:
        """Thrown away."""

    def answered(self, mid: int, reason_code: int) -> None:
        """Nothing is sent."""

    def tick(self) -> None:
        """Nothing depends on time."""

    def leaving(self) -> None:
        """Nothing to say."""


@contextmanager
def running_rig(directory: Path) -> Iterator[Rig]:
    """Everything runs while the block does."""
    clock = SystemClock()
    authority = Authority.create(directory / "authority", FLEET, clock)
    server, unit, consumer = (
        _files(directory / name, authority, name) for name in ("server", UNIT, CONSUMER)
    )
    listener = Listener(free_port(), server.ca_file, server.cert_file, server.key_file)
    config = write_mosquitto(directory / "mosquitto", FLEET, listener, {CONSUMER: [FEED]})
    with running_mosquitto(config, listener, clock):
        ears = _Consumer(LinkOptions(HOST, listener.port, consumer, client_id=CONSUMER), clock)
        ears.start()
        try:
            yield Rig(listener.port, unit, clock)
        finally:
            ears.stop()


def _files(directory: Path, authority: Authority, name: str) -> Credentials:
    directory.mkdir()
    issued = authority.issue_server(HOST) if name == "server" else authority.issue_client(name)
    files = Credentials(directory / "ca.crt", directory / "tls.crt", directory / "tls.pem")
    files.ca_file.write_bytes(authority.cert_pem)
    files.cert_file.write_bytes(issued.cert_pem)
    write_private(files.key_file, issued.key_pem)
    return files
