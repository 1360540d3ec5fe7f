"""A unit that exists only to seal reads: what the centre's tests feed on."""

from __future__ import annotations

from anpr_edge.central.units import Units
from anpr_edge.records import Alternative, Fix, Instant, Loss, PlateRead
from anpr_edge.seal.envelope import CHAIN_START, envelope_hash
from anpr_edge.seal.keys import RecipientKey, SigningKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.uplink import topics
from tests.fakes import EPOCH_NS

FLEET = "testfleet"
FEED = "access"
PLATE = "TE57ING"


def made_up_read(plate: str = PLATE) -> PlateRead:
    """A read with something in every field."""
    first = Instant(EPOCH_NS, 5_000_000_000, 2.0)
    return PlateRead(
        plate_text=plate,
        confidence=0.97,
        char_confidences=tuple(0.9 for _ in plate),
        alternatives=(Alternative("TE57LNG", 0.02),),
        syntax="gb:current",
        region="GB",
        first=first,
        last=Instant(EPOCH_NS + 400_000_000, 5_400_000_000, 2.0),
        frames_used=5,
        direction="toward",
        lane="1",
        fix=Fix(3, 51.5, -0.12, 1.5, first),
        model_ids=("detector-1+00000000", "recogniser-1+00000000"),
    )


def bare_read(plate: str, taken: Instant) -> PlateRead:
    """A read with nothing in it that may be missing, of one moment."""
    return PlateRead(
        plate_text=plate,
        confidence=0.9,
        char_confidences=(0.9,) * len(plate),
        alternatives=(),
        syntax=None,
        region=None,
        first=taken,
        last=taken,
        frames_used=3,
        direction="toward",
        lane=None,
        fix=None,
        model_ids=("none-0",),
    )


class SealingUnit:
    """Seals one read after another, each chained to the one before it."""

    def __init__(
        self,
        recipient: RecipientKey,
        unit: str = "unit-0001",
        feed: str = FEED,
        key: SigningKey | None = None,
    ) -> None:
        self.unit = unit
        self.feed = feed
        self.key = key or SigningKey.generate()
        self._sealer = CoseSealer(UnitIdentity(FLEET, unit, bytes(16)), self.key, {feed: [recipient]})
        self._seq = 0
        self._previous = CHAIN_START

    @property
    def topic(self) -> str:
        return topics.reads(FLEET, self.unit, self.feed)

    @property
    def units(self) -> Units:
        """A list of units with this one in it."""
        return Units({self.unit: self.key.public})

    def seal(self, count: int = 1) -> list[bytes]:
        """The next `count` sealed reads."""
        return [self._next() for _ in range(count)]

    def skip(self, count: int) -> None:
        """Use up numbers that no read will ever have."""
        self._seq += count

    def report(self, *losses: Loss) -> bytes:
        """What it has lost, sealed in a read's place."""
        self._seq += 1
        blob = self._sealer.seal_losses(losses, self.feed, self._seq, self._previous).blob
        self._previous = envelope_hash(blob)
        return blob

    def restart_at(self, seq: int) -> None:
        """Lose the outbox: the chain begins again at a much higher number."""
        self._seq, self._previous = seq - 1, CHAIN_START

    def forget_chain(self) -> None:
        """Follow no envelope the centre will ever see."""
        self._previous = bytes([1]) * 32

    def _next(self) -> bytes:
        self._seq += 1
        blob = self._sealer.seal(made_up_read(), self.feed, self._seq, self._previous).blob
        self._previous = envelope_hash(blob)
        return blob
