"""How full the outbox is, feed by feed: numbers for health, never a read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anpr_edge.records import Loss


@dataclass(frozen=True, slots=True)
class FeedStats:
    """One feed's part of the outbox.

    `oldest_age_s` is the age of the oldest read still kept, sent or not; None when none is. `dropped`
    counts reads given up, by cause: `full` and `expired` never reached the broker, `full-sent` and
    `expired-sent` did, without the centre confirming them; `records.LossCause` has the other causes.
    `losses` are the last of them as ranges of numbers; `losses_to_report` is how many ranges no loss report
    names yet, `losses_unconfirmed` those and the ranges whose report the centre has not confirmed.
    """

    waiting: int
    sent: int
    last_seq: int
    watermark: int
    bytes: int
    refused_acks: int
    restarts: int
    losses_to_report: int
    losses_unconfirmed: int
    oldest_age_s: float | None
    dropped: Mapping[str, int]
    losses: tuple[Loss, ...]
