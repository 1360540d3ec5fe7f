"""What the centre owes its units: signed watermarks, each sent soon but not for every read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from anpr_edge.central.dedupe import Gaps
from anpr_edge.central.intake import FeedKey, Intake
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics

EVERY_S = 0.5
"""At most one watermark for one unit's feed in this time; a retained message is one write to disk."""

ASK_AGAIN_S = 60.0
"""How often a gap that stays is asked for."""


@dataclass(frozen=True, slots=True)
class SignedAck:
    """A watermark ready to publish, retained, to `topic`."""

    key: FeedKey
    topic: str
    payload: bytes


class Watermarks:
    """Knows which watermarks changed since they were last published."""

    def __init__(self, intake: Intake, key: SigningKey, clock: Clock) -> None:
        self._intake = intake
        self._key = key
        self._clock = clock
        self._told: dict[FeedKey, tuple[int, Gaps]] = {}
        self._told_ns: dict[FeedKey, int] = {}
        self._touched: set[FeedKey] = set(intake.current)

    def touch(self, key: FeedKey, *, lost: bool = False) -> None:
        """Something of this feed arrived; `lost` if it was a repeat: the unit may have missed the last."""
        if lost:
            self.forget(key)
        self._touched.add(key)

    def forget(self, key: FeedKey) -> None:
        """The last watermark may not have arrived: tell it again."""
        self._told.pop(key, None)
        self._touched.add(key)

    def due(self, every_s: float = EVERY_S) -> Iterator[SignedAck]:
        """Watermarks that changed and were not told in the last `every_s`; counts them as told.

        None at all once the store has failed: it may not have what the ledgers count as here.
        """
        if not self._intake.sound:
            return
        now = self._clock.now()
        for key in sorted(self._touched):
            age_s = (now.mono_ns - self._told_ns[key]) / 1e9 if key in self._told_ns else math.inf
            if age_s < every_s:
                continue
            ledger = self._intake.ledger(key)
            mark, gaps = ledger.watermark(now.mono_ns)
            if not ledger.missing:
                self._touched.discard(key)
            if (mark, gaps) != self._told.get(key) or (gaps and age_s >= ASK_AGAIN_S):
                self._told[key] = (mark, gaps)
                self._told_ns[key] = now.mono_ns
                yield self._signed(key, mark, gaps, now.utc_ns)

    def _signed(self, key: FeedKey, mark: int, gaps: Gaps, utc_ns: int) -> SignedAck:
        fleet, unit, feed, kid = key
        ack = Ack(fleet, unit, feed, mark, gaps, utc_ns, kid)
        return SignedAck(key, topics.ack(fleet, unit, feed), sign_ack(ack, self._key))
