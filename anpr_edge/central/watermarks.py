"""What the centre owes its units: signed watermarks, each sent soon but not for every read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from anpr_edge.central.dedupe import FeedKey, Gaps
from anpr_edge.central.intake import Intake
from anpr_edge.records import Instant
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
    """Knows which watermarks changed since they were last published.

    Several processes may share a store and tell the same units. The last word is right all the same: what
    they say is what the store says, and each looks again once the broker has what it said (`heard`).
    """

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

    def heard(self, key: FeedKey) -> None:
        """The broker has the last watermark; another process may have told a later one before it."""
        self._touched.add(key)

    def due(self, every_s: float = EVERY_S) -> Iterator[SignedAck]:
        """Watermarks that changed and were not told in the last `every_s`; counts them as told.

        None at all while the last batch could not be kept. Raises: StoreUnavailable, StoreError.
        """
        if not self._intake.sound:
            return
        now = self._clock.now()
        keys = [key for key in sorted(self._touched) if self._age_s(key, now) >= every_s]
        for key, ledger in (self._intake.ledgers(keys) if keys else {}).items():
            mark, gaps = ledger.watermark(now.utc_ns, self._intake.grace_s)
            if not ledger.missing:
                self._touched.discard(key)
            if (mark, gaps) != self._told.get(key) or (gaps and self._age_s(key, now) >= ASK_AGAIN_S):
                self._told[key] = (mark, gaps)
                self._told_ns[key] = now.mono_ns
                yield self._signed(key, mark, gaps, now.utc_ns)

    def _age_s(self, key: FeedKey, now: Instant) -> float:
        """How long ago this feed was told anything."""
        return (now.mono_ns - self._told_ns[key]) / 1e9 if key in self._told_ns else math.inf

    def _signed(self, key: FeedKey, mark: int, gaps: Gaps, utc_ns: int) -> SignedAck:
        fleet, unit, feed, kid = key
        ack = Ack(fleet, unit, feed, mark, gaps, utc_ns, kid)
        return SignedAck(key, topics.ack(fleet, unit, feed), sign_ack(ack, self._key))
