"""A whole unit in a test: it seals made-up reads into a real outbox and drains it through an uplink."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

from anpr_edge.devices.clock import SystemClock
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Delivery, Instant, LinkState, LossCause, PlateRead, SealedRead, SignedMessage
from anpr_edge.seal.acks import open_ack
from anpr_edge.seal.keys import RecipientKey, SigningKey, VerifyKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.uplink.mqtt import MqttUplink
from tests.integration.conftest import FEED, FLEET, UNIT
from tests.sealed_reads import bare_read


def made_up_read(number: int, taken: Instant) -> PlateRead:
    """A read whose plate carries its number, for telling reads apart."""
    return bare_read(f"TE{number:05d}", taken)


class RoadsideUnit:
    """Seals, keeps and delivers; `turn` does what the uplink service does in one round."""

    def __init__(self, directory: Path, recipient: RecipientKey, ack_key: VerifyKey) -> None:
        self.clock = SystemClock()
        self.signing_key = SigningKey.generate()
        self._ack_key = ack_key
        identity = UnitIdentity(FLEET, UNIT, bytes(16))
        self._sealer = CoseSealer(identity, self.signing_key, {FEED: [recipient]})
        self.outbox = SqliteOutbox(
            directory / "outbox.db", self.clock, max_bytes=1 << 24, retention={FEED: timedelta(hours=1)}
        )
        self._in_flight: set[int] = set()
        self._up = False
        self.refused = 0

    def see(self, *numbers: int) -> None:
        """Read one plate for each number and keep it, sealed."""
        for number in numbers:
            read = made_up_read(number, self.clock.now())
            self.outbox.append([(FEED, partial(self._seal, read))])

    def lose(self, count: int) -> None:
        """Have so many reads that could never be kept, and report it."""
        self.outbox.give_up({(FEED, LossCause.NO_OUTBOX): count})
        self.outbox.report_losses(lambda feed, lost: partial(self._sealer.seal_losses, lost, feed))

    def _seal(self, read: PlateRead, seq: int, previous: bytes) -> SealedRead:
        return self._sealer.seal(read, FEED, seq, previous)

    @property
    def kept(self) -> int:
        """How many reads are still in the outbox."""
        stats = self.outbox.stats().get(FEED)
        return stats.waiting + stats.sent if stats else 0

    @property
    def waiting(self) -> int:
        """How many reads no broker has accepted yet."""
        return sum(stats.waiting for stats in self.outbox.stats().values())

    def turn(self, uplink: MqttUplink) -> None:
        """Heed what happened, then publish what is due."""
        for event in uplink.events(0.05):
            if isinstance(event, LinkState):
                self._up = event.connected
                self._in_flight.clear()
            elif isinstance(event, Delivery):
                self._in_flight.discard(event.seq)
                self.refused += not event.accepted
                self.outbox.record([event])
            elif isinstance(event, SignedMessage):
                ack = open_ack(event.payload, self._ack_key)
                assert ack.unit_kid == self.signing_key.kid
                self.outbox.settle(ack.feed, ack.watermark, ack.gaps)
        if self._up:
            for entry in self.outbox.due(20):
                if entry.read.seq not in self._in_flight:
                    self._in_flight.add(entry.read.seq)
                    uplink.publish(entry.read)
