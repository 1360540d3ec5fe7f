"""The unit's side of the broker: sealed reads up, signed watermarks down.

The outbox owns retry. What the broker had not answered when a connection ended is forgotten here:
a `LinkState(False)` in `events` says so, and the outbox offers those reads again.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final

from anpr_edge.records import Delivery, LinkState, SealedRead
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.brokers import Address, Brokers, Failover
from anpr_edge.uplink.connection import Connection, Event, Memory, Speaker, to_json
from anpr_edge.uplink.keeper import STEADY_AFTER_S, Keeper
from anpr_edge.uplink.link import LinkOptions, Will
from anpr_edge.uplink.meter import Wire
from anpr_edge.uplink.probe import Probe
from anpr_edge.uplink.reasons import HOLDING, HOPELESS, Cause
from anpr_edge.uplink.tls import Credentials
from anpr_edge.uplink.wallet import Wallet

log = logging.getLogger(__name__)

AFTER_TAKEOVER_S: Final = (60.0, 180.0)
"""Who was sent away because another client uses our identity stays away this long: two units that share one
would else end each other's connection every second."""

WORDLESS_IN_A_ROW: Final = 5
WORDLESS_WITHIN_S: Final = 60.0
"""A broker that takes us and hangs up without a word, owing us no answer, so often in a row and each time so
soon, has given our session to another client: mosquitto 2.0 says nothing, and lets us in again at once."""

RENEW_WITHIN_S: Final = 60.0
"""With a new certificate a connection is made anew at a random time within this: a fleet may get its new
certificates in one go."""


class MqttUplink:
    """One unit's lasting connection to its broker; makes itself anew whenever it breaks.

    Every `publish` is answered in `events` by exactly one `Delivery`, or else a `LinkState` with
    `connected` False comes after it. `birth` is added to the retained status (versions, models);
    `policy` is left retained on the unit's policy topic, when there is one.

    `standbys` are used, in their order, when the broker at `host` fails as often or as long as `failover`
    says; it is asked again from time to time. New credentials count without a restart; `examine` says until
    when a certificate counts, or raises AnprError for one that must not be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        fleet: str,
        unit: str,
        feeds: Iterable[str],
        ca_file: Path,
        cert_file: Path,
        key_file: Path,
        clock: Clock,
        keep_alive_s: int = 60,
        in_flight: int = 20,
        session_expiry_s: int = 3600,
        standbys: Sequence[Address] = (),
        failover: Failover | None = None,
        examine: Callable[[Credentials], int] | None = None,
        birth: Mapping[str, object] | None = None,
        policy: bytes | None = None,
        backoff: Backoff | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._speaker = Speaker(fleet, unit, tuple(feeds), dict(birth or {}), policy)
        will = Will(
            topics.status(fleet, unit),
            self._speaker.status("offline", reason="lost"),
            topics.JSON_CONTENT_TYPE,
        )
        self._wallet = Wallet(Credentials(ca_file, cert_file, key_file), clock, examine)
        self._options = LinkOptions(
            host=host,
            port=port,
            credentials=self._wallet,
            client_id=f"{fleet}.{unit}",
            keep_alive_s=keep_alive_s,
            in_flight=in_flight,
            session_expiry_s=session_expiry_s,
            will=will,
        )
        self._clock = clock
        self._rng = rng or random.Random()
        addresses = (Address(host, port), *standbys)
        self._brokers = Brokers(addresses, failover or Failover(), clock, self._rng)
        self._memories: defaultdict[Address, Memory] = defaultdict(Memory)
        self._probe: Probe | None = None
        self._probing: Callable[[], AbstractContextManager[None]] = nullcontext
        self._papers, self._renew_ns = 0, 0
        self._wordless = 0
        self._carried = Wire()
        self._counting = threading.Lock()
        self._down = LinkState(False, "not connected")
        self._happened: queue.Queue[tuple[Connection | None, Event]] = queue.Queue()
        self._told: Connection | None = None
        self._connection: Connection | None = None
        self._keeper = Keeper(self._connect, clock, backoff or Backoff(self._rng))

    @property
    def in_flight(self) -> int:
        """How many publishes the broker has not answered yet."""
        connection = self._connection
        return len(connection.window) if connection else 0

    @property
    def wire(self) -> Wire:
        """What all connections have put on the wire since the start."""
        with self._counting:
            connection, carried = self._connection, self._carried
            return carried if connection is None else carried + connection.link.wire

    def state(self) -> dict[str, object]:
        """Which broker is used, and with which certificate: for the service's state."""
        return {
            "broker": {
                "address": str(self._brokers.current),
                "preferred": str(self._brokers.preferred),
                "on_standby": self._brokers.on_standby,
                "failovers": self._brokers.failovers,
            },
            "certificate": self._wallet.state(),
        }

    def report_life(
        self, on_turn: Callable[[], None], probing: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Let the connection's thread call `on_turn` while it works; `probing` surrounds a look elsewhere.

        To be called before `start`.
        """
        self._keeper.on_turn, self._probing = on_turn, probing

    def start(self) -> None:
        """Begin to connect, and to connect again whenever needed; returns at once."""
        self._keeper.start()

    def publish(self, read: SealedRead) -> None:
        """Hand one read to the broker, waiting while the in-flight window is full.

        It goes to the connection that `events` told of last, or nowhere: one made meanwhile is for reads that
        are offered after its own `LinkState`, or else a lost connection's reads would go out twice.
        """
        if self._told is not None:
            self._told.publish(read)  # of one that has ended, `events` will tell
            return
        self._happened.put((None, self._down))
        connection = self._connection
        if connection is not None and connection.is_up:
            self._happened.put((connection, connection.state()))

    def report_health(self, health: Mapping[str, object]) -> bool:
        """Publish the unit's health (no personal data in it); False when there is no connection."""
        connection = self._connection
        return connection is not None and connection.report_health(to_json(health))

    def reply(self, name: str, payload: bytes, correlation: bytes) -> bool:
        """Publish a reply to the command `name`; False when that is not possible just now."""
        connection = self._connection
        return connection is not None and connection.reply(name, payload, correlation)

    def events(self, timeout_s: float) -> list[Event]:
        """What happened since the last call, waiting up to `timeout_s` for the first.

        Raises: UplinkError when the connection's thread has died of a bug.
        """
        self._keeper.check()
        happened: list[Event] = []
        try:
            happened.append(self._next_event(timeout_s))
            while True:
                happened.append(self._next_event(0.0))
        except queue.Empty:
            return happened

    def _next_event(self, timeout_s: float) -> Event:
        connection, event = (
            self._happened.get(timeout=timeout_s) if timeout_s else self._happened.get_nowait()
        )
        if isinstance(event, LinkState):
            self._told = connection if event.connected else None
        return event

    def stop(self) -> None:
        """Say goodbye and end the connection; harmless when called twice."""
        self._keeper.stop()

    def _connect(self, stopping: threading.Event) -> None:
        broker, began_ns = self._brokers.current, self._clock.now().mono_ns
        memory = self._memories[broker]
        self._probe = None
        self._wallet.look(now=True)
        self._papers, self._renew_ns = self._wallet.generation, 0
        options = replace(self._options, host=broker.host, port=broker.port, retain=memory.retain)

        def emit(event: Event) -> None:
            self._heed(event, memory)
            self._happened.put((connection, event))

        connection = Connection(
            options, self._speaker, self._clock, emit, memory=memory, watch=self._look_around
        )
        self._connection = connection
        why = connection.link.run(stopping)
        lived_s = (self._clock.now().mono_ns - began_ns) / 1e9
        cause = self._cause(connection, lived_s)
        self._learn(connection, memory)
        connection.close()
        with self._counting:
            self._carried, self._connection = self._carried + connection.link.wire, None
        self._down = LinkState(False, why, broker=str(broker), cause=cause)
        self._happened.put((None, self._down))
        self._choose(connection, memory, steady=lived_s > STEADY_AFTER_S)
        if cause is Cause.TAKEN_OVER:
            self._keeper.rest(self._rng.uniform(*AFTER_TAKEOVER_S))

    def _cause(self, connection: Connection, lived_s: float) -> Cause:
        """Why a connection ended, a broker's silence taken for what it means."""
        if not connection.link.wordless or lived_s > WORDLESS_WITHIN_S:
            self._wordless = 0
        elif connection.window.largest() == 0:
            self._wordless += 1
        if self._wordless < WORDLESS_IN_A_ROW:
            return connection.link.end.cause
        self._wordless = 0
        return Cause.TAKEN_OVER

    @staticmethod
    def _heed(event: Event, memory: Memory) -> None:
        """Remember which feeds this broker takes."""
        if isinstance(event, Delivery):
            if event.reason_code in HOLDING:
                memory.refused.add(event.feed)
            elif event.accepted:
                memory.refused.clear()

    def _takes_nothing(self, memory: Memory) -> bool:
        return memory.refused >= set(self._speaker.feeds) > set()

    def _learn(self, connection: Connection, memory: Memory) -> None:
        """Keep what this connection has shown of its broker."""
        end = connection.link.end
        resumed = connection.resumed and end.cause is not Cause.SUBSCRIPTION
        memory.subscribed = connection.filters if connection.link.granted or resumed else frozenset()
        if end.cause is Cause.RETAIN:
            memory.retain = False
        if end.cause is Cause.PACKET and (largest := connection.window.largest()):
            memory.packet_bytes = largest - 1

    def _choose(self, connection: Connection, memory: Memory, *, steady: bool) -> None:
        """Settle which broker is next."""
        end = connection.link.end
        if end.cause is Cause.NONE:
            return  # we left it in order, and for what is settled already
        sent = end.cause in (Cause.ELSEWHERE, Cause.MOVED)
        if sent and self._brokers.sent_to(end.reference, for_good=end.cause is Cause.MOVED):
            return
        hopeless = end.cause in HOPELESS or self._takes_nothing(memory)
        if hopeless:
            memory.refused.clear()
        self._brokers.ended(steady=steady and not hopeless, hopeless=hopeless)

    def _look_around(self) -> None:
        """From the connection's thread, a few times a second: is there a better certificate, or broker?"""
        self._keeper.on_turn()
        connection = self._connection
        if connection is None or not connection.is_up:
            return
        self._renew_when_due(connection)
        self._return_when_due(connection)
        alone = len(self._brokers) == 1
        if not alone and self._takes_nothing(self._memories[self._brokers.current]):
            connection.link.drop("the broker takes no feed of ours", Cause.NOT_AUTHORISED)

    def _renew_when_due(self, connection: Connection) -> None:
        self._wallet.look()
        if self._wallet.generation == self._papers:
            return
        now_ns = self._clock.now().mono_ns
        if not self._renew_ns:
            self._renew_ns = now_ns + round(self._rng.uniform(0.0, RENEW_WITHIN_S) * 1e9)
        if now_ns >= self._renew_ns:
            log.info("a new certificate is here: connecting again with it")
            connection.leave("connecting again with a new certificate", "renewing")

    def _return_when_due(self, connection: Connection) -> None:
        if self._probe is None:
            if self._brokers.return_is_due():
                home = self._brokers.preferred
                options = replace(self._options, host=home.host, port=home.port)
                self._probe = Probe(options, self._clock, self._probing)
                self._probe.start()
        elif (answer := self._probe.answer) is not None:
            with self._counting:
                self._carried += self._probe.wire
            self._probe = None
            if answer:
                self._brokers.go_home()
                connection.leave(f"{self._brokers.preferred} is back", "moving")
            else:
                self._brokers.put_off_return()
