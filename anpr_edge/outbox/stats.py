"""How full the outbox is, feed by feed: numbers for health, never a read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedStats:
    """One feed's part of the outbox.

    `oldest_age_s` is the age of the oldest read still kept, sent or not; None when none is. `dropped`
    counts reads given up, by cause: `full` and `expired` never reached the broker, `full-sent` and
    `expired-sent` did, without the centre confirming them.
    """

    waiting: int
    sent: int
    oldest_age_s: float | None
    last_seq: int
    watermark: int
    bytes: int
    dropped: Mapping[str, int]
    refused_acks: int
    restarts: int
