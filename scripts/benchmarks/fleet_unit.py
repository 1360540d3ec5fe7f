"""One unit of `scripts/bench fleet`: everything a unit does but looking at the road.

It seals with its own key, keeps by the outbox's rules, and delivers as daemon/uplinkd.py and
uplink/connection.py do: the same in-flight window, the same backoff, the same turn. What differs from a
real unit: one thread for many, an outbox in memory, and a client of its own (fleet_mqtt.py).
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from anpr_edge import __version__
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.records import Alternative, Delivery, Fix, Instant, PlateRead, SealedRead
from anpr_edge.seal.acks import open_ack
from anpr_edge.seal.keys import RecipientKey, SigningKey, VerifyKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.uplink import topics
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.connection import ANSWER_WITHIN_S, HEALTH_EXPIRY_S, OWN_WORD, Event, Speaker, to_json
from anpr_edge.uplink.keeper import STEADY_AFTER_S
from anpr_edge.uplink.link import Limits, Will
from anpr_edge.uplink.window import Window
from scripts.benchmarks.fleet_mqtt import Hello, Session
from scripts.benchmarks.fleet_outbox import RamOutbox
from scripts.benchmarks.fleet_pace import Pacing

FLEET, FEED, HOST = "bench", "charging", "127.0.0.1"

WINDOW: Final = 20
KEEP_ALIVE_S: Final = 30
"""The defaults of broker.in_flight and broker.keep_alive_s."""

TLS_WITHIN_S: Final = 30.0
LOOK_WITHIN_S: Final = 0.1
"""The uplink looks into its outbox at least this often (POLL_S of daemon/uplinkd.py)."""

WAYS_OFF: Final = "offline"
"""What a read's lane says when its unit was not connected as it was made; else the phase's name."""

HEALTH: Final = to_json({"schema": 1, "uplink": {"state": "running", "pad": "x" * 1100}, "reader": None})
"""As long as the health of a unit with one feed."""


class UnitClock:
    """The machine's clock; `skip_ns` winds the unit's monotonic time forward, as if it had waited."""

    def __init__(self) -> None:
        self.skip_ns = 0

    def now(self) -> Instant:
        return Instant(time.time_ns(), time.monotonic_ns() + self.skip_ns, 1.0)

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError("a unit that shares its thread does not sleep")


@dataclass(slots=True)
class Tally:
    """What the units of one process have done together."""

    connects_s: list[float] = field(default_factory=list)
    """When each connection was accepted, seconds of the Unix epoch."""

    failures: int = 0
    refused: int = 0
    acks_refused: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class Recipient:
    """The centre's public half: who opens, and whose watermarks count."""

    key: RecipientKey
    ack_key: VerifyKey

    @classmethod
    def parse(cls, key: str, ack_key: str) -> Recipient:
        """Both as a unit's configuration writes them."""
        return cls(RecipientKey.parse(key), VerifyKey.parse(ack_key))


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a unit this one."""

    name: str
    client_id: str
    signing_key: SigningKey
    tls: ssl.SSLContext


class Unit:
    """One simulated unit; `live` and `hold` are its road, `run` is its uplink."""

    def __init__(
        self, who: Identity, recipient: Recipient, tally: Tally, pacing: Pacing, rng: random.Random
    ) -> None:
        name = self.name = who.name
        self.clock = UnitClock()
        self.outbox = RamOutbox(self.clock)
        self.given = 0
        self.first_seq = 0
        self.is_up = False
        self._who, self._recipient, self._tally = who, recipient, tally
        self._sealer = CoseSealer(
            UnitIdentity(FLEET, name, bytes(16)), who.signing_key, {FEED: [recipient.key]}
        )
        self._speaker = Speaker(FLEET, name, (FEED,), {"version": __version__})
        will = Will(
            topics.status(FLEET, name),
            self._speaker.status("offline", reason="lost"),
            topics.JSON_CONTENT_TYPE,
        )
        self._hello = Hello(who.client_id, KEEP_ALIVE_S, WINDOW, will)
        self._reads = topics.reads(FLEET, name, FEED)
        self._backoff = Backoff(rng)
        self._shaper = pacing.shaper(SystemClock(), rng, WINDOW)
        self._in_flight: set[int] = set()
        self._happened: list[Event] = []
        self._window = Window(WINDOW, self._happened.append)
        self._room = WINDOW
        self._session: Session | None = None
        self._spoke_ns = 0

    # ── the road ────────────────────────────────────────────────────────────────────────────

    def live(self, phase: str) -> None:
        """A vehicle passes now."""
        self._keep(phase if self.is_up else WAYS_OFF)
        if self.is_up:
            delay_s = random.uniform(0.0, LOOK_WITHIN_S)
            asyncio.get_running_loop().call_later(delay_s, self.turn)

    def hold(self, count: int, hours: float) -> None:
        """So many vehicles pass within so many hours, by this unit's clock."""
        for _ in range(count):
            self.clock.skip_ns += round(hours * 3600e9 / count)
            self._keep("backlog")

    def _keep(self, lane: str) -> None:
        read = _made_up(self.given, self.clock.now(), lane)
        (sealed,) = self.outbox.append([(FEED, partial(self._seal, read))])
        self.first_seq = self.first_seq or sealed.seq
        self.given += 1

    def _seal(self, read: PlateRead, seq: int, previous: bytes) -> SealedRead:
        return self._sealer.seal(read, FEED, seq, previous)

    # ── the uplink ──────────────────────────────────────────────────────────────────────────

    async def run(self, port: int) -> None:
        """Connect, and again whenever the connection has ended; as uplink/keeper.py does."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                _, session = await loop.create_connection(
                    lambda: Session(self._hello, self),
                    HOST,
                    port,
                    ssl=self._who.tls,
                    server_hostname=HOST,
                    ssl_handshake_timeout=TLS_WITHIN_S,
                )
                self._session = session
                await session.ended
            except (OSError, asyncio.IncompleteReadError):
                self._tally.failures += 1
            if loop.time() - began_s > STEADY_AFTER_S:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.next_delay_s())

    def turn(self) -> None:
        """Publish what is due, as UplinkService does."""
        if not self.is_up or self._session is None or len(self._window) >= self._room:
            return
        allowed = self._shaper.allowance()
        backlog = allowed.backlog
        for entry in self.outbox.due(WINDOW + len(self._in_flight), held=allowed.held):
            if len(self._window) >= min(self._room, allowed.unanswered):
                break
            if entry.read.seq in self._in_flight or not (entry.live or backlog):
                continue
            backlog -= not entry.live
            self._shaper.sent(entry)
            self._publish(self._session, entry.read)

    def _publish(self, session: Session, read: SealedRead) -> None:
        self._in_flight.add(read.seq)
        self._window.reserve()
        mid = session.publish(self._reads, read.blob, topics.READS_CONTENT_TYPE)
        self._spoke_ns = time.monotonic_ns()
        self._window.sent(mid, FEED, read.seq, self._spoke_ns)
        self._tally.published += 1

    def tick(self) -> None:
        """Ping when it is time, and give up a broker that does not answer."""
        now_ns, oldest_ns = time.monotonic_ns(), self._window.oldest_mono_ns()
        if not self.is_up or self._session is None:
            return
        if oldest_ns is not None and now_ns - oldest_ns > ANSWER_WITHIN_S * 1e9:
            self._session.drop()
        elif now_ns - self._spoke_ns > KEEP_ALIVE_S * 0.75e9:
            self._session.ping()
            self._spoke_ns = now_ns
        self.turn()

    def report_health(self) -> None:
        """Publish health, retained."""
        if self.is_up:
            self._say(topics.health(FLEET, self.name), HEALTH, HEALTH_EXPIRY_S)

    def close(self) -> None:
        """Part in order."""
        if self.is_up and self._session:
            self._session.close()

    def up(self, limits: Limits) -> None:
        self._tally.connects_s.append(time.time())
        self._window = Window(WINDOW, self._happened.append)
        self._window.limit(limits.receive_maximum - OWN_WORD)
        self._in_flight.clear()
        self._shaper.connected(HOST)
        self._room = min(WINDOW, limits.receive_maximum - OWN_WORD)
        self.is_up = True
        if self._session:
            self._session.subscribe(topics.ack(FLEET, self.name, FEED))
        self._say(topics.status(FLEET, self.name), self._speaker.status("online", **self._speaker.birth))

    def answered(self, mid: int, reason_code: int) -> None:
        self._window.answered(mid, reason_code)

    def message(self, topic: str, payload: bytes) -> None:
        """A watermark: heeded when the feed's centre signed it for this unit and its key."""
        try:
            ack = open_ack(payload, self._recipient.ack_key)
            if (ack.fleet, ack.unit, ack.feed) != (
                FLEET,
                self.name,
                FEED,
            ) or ack.unit_kid != self._who.signing_key.kid:
                raise AnprError("for another unit, feed or key")
            self.outbox.settle(FEED, ack.watermark, ack.gaps)
            self._shaper.confirmed(FEED, ack.watermark)
        except AnprError:
            self._tally.acks_refused += 1

    def heard(self) -> None:
        deliveries = [event for event in self._happened if isinstance(event, Delivery)]
        self._happened.clear()
        for delivery in deliveries:
            self._in_flight.discard(delivery.seq)
            self._shaper.answered(delivery)
            self._tally.refused += not delivery.accepted
        self.outbox.record(deliveries)
        self.turn()

    def down(self) -> None:
        self.is_up = False
        self._shaper.lost("")
        self._window.close()
        self._in_flight.clear()

    def _say(self, topic: str, payload: bytes, expiry_s: int = 0) -> None:
        if self._session:
            mid = self._session.publish(
                topic, payload, topics.JSON_CONTENT_TYPE, retain=True, expiry_s=expiry_s
            )
            self._window.ignore(mid)
            self._spoke_ns = time.monotonic_ns()


def _made_up(number: int, taken: Instant, lane: str) -> PlateRead:
    """A read with something in every field; its lane says when it was made."""
    return PlateRead(
        plate_text=f"TE{number % 100_000:05d}",
        confidence=0.9731,
        char_confidences=(0.999, 0.998, 0.997, 0.999, 0.999, 0.987, 0.99),
        alternatives=(Alternative("TE57LNG", 0.0061),),
        syntax="gb:current",
        region="GB",
        first=taken,
        last=taken,
        frames_used=8,
        direction="toward",
        lane=lane,
        fix=Fix(3, 51.5, -0.12, 2.5, taken),
        model_ids=("detector-1.0.0+0a1b2c3d", "recogniser-1.0.0+4e5f6071"),
    )
