"""A unit's outbox in memory: the rules of the real one (anpr_edge.outbox), without a disk.

A fleet's units have a disk each; 1,500 of them on one machine would measure that machine's disk.
tests/contract/test_outbox.py holds it to what every outbox promises.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from anpr_edge.errors import OutboxError
from anpr_edge.outbox.delivery import LIVE_NS, LONGEST_RETRY_NS, counted, wait_ns
from anpr_edge.records import EPOCH_NUMBERS, Delivery, OutboxEntry, SealedRead
from anpr_edge.seal.envelope import CHAIN_START
from anpr_edge.seams import Clock, SealAs

CONFIRM_EVERY_NS: Final = 60 * 10**9
"""How often reads that nobody confirms are looked for; as SqliteOutbox does."""


@dataclass(slots=True)
class _Kept:
    at: int
    read: SealedRead
    since_ns: int
    attempts: int = 0
    not_before_ns: int = 0


class RamOutbox:
    """Keeps sealed reads until their feed's centre has them; a feed begins to count where `start` says."""

    def __init__(self, clock: Clock, start: Callable[[], int] | None = None) -> None:
        self._clock = clock
        self._start = start or (lambda: 1 + secrets.randbelow(2**32))
        self._waiting: dict[int, _Kept] = {}
        self._sent: dict[int, _Kept] = {}
        self._refused: dict[int, _Kept] = {}
        self._by_number: dict[tuple[str, int], _Kept] = {}
        self._last: dict[str, tuple[int, bytes]] = {}
        self._watermarks: dict[str, int] = {}
        self._arrivals = 0
        self._confirmed_ns = clock.now().mono_ns

    def __len__(self) -> int:
        """How many reads are kept, sent or not."""
        return len(self._by_number)

    @property
    def numbers(self) -> list[int]:
        """The numbers still kept, of every feed."""
        return [seq for _, seq in self._by_number]

    def append(self, requests: Sequence[tuple[str, SealAs]]) -> list[SealedRead]:
        """Number, seal and keep one read for each (feed, seal) pair: all of them or none."""
        last, sealed = dict(self._last), []
        for feed, seal in requests:
            seq, previous = last[feed] if feed in last else (self._start() - 1, CHAIN_START)
            sealed.append(read := seal(seq + 1, previous))
            last[feed] = seq + 1, hashlib.sha256(read.blob).digest()
        self._last, now_ns = last, self._clock.now().mono_ns
        for read in sealed:
            self._arrivals += 1
            kept = _Kept(self._arrivals, read, now_ns)
            self._waiting[kept.at] = self._by_number[read.feed, read.seq] = kept
        return sealed

    def due(self, limit: int, *, held: Collection[str] = ()) -> list[OutboxEntry]:
        """Unsent reads whose time has come: the newest live ones first, then the backlog oldest first."""
        now = self._clock.now()
        self._offer_unconfirmed(now.mono_ns)
        newest = islice((one for one in reversed(self._waiting.values()) if one.read.feed not in held), limit)
        live = [one for one in newest if _is_live(one, now.mono_ns)]
        ready = (
            one
            for one in self._waiting.values()
            if one.not_before_ns <= now.mono_ns and one.read.feed not in held
        )
        chosen = {one.at: one for one in (*live, *islice(ready, limit))}
        return [
            OutboxEntry(
                one.read,
                abs(one.attempts),
                now.utc_ns + one.not_before_ns - now.mono_ns if one.not_before_ns else 0,
                live=_is_live(one, now.mono_ns),
            )
            for one in islice(chosen.values(), limit)
        ]

    def record(self, deliveries: Sequence[Delivery]) -> None:
        """Mark accepted reads sent; put refused ones back with a later next attempt."""
        now_ns = self._clock.now().mono_ns
        for delivery in deliveries:
            kept = self._by_number.get((delivery.feed, delivery.seq))
            if kept is None or kept.at not in self._waiting:
                continue
            kept.attempts = counted(kept.attempts, accepted=delivery.accepted)
            kept.not_before_ns = now_ns + wait_ns(delivery, kept.attempts)
            if delivery.accepted:
                self._refused.pop(kept.at, None)
                self._sent[kept.at] = self._waiting.pop(kept.at)
            else:
                self._refused[kept.at] = kept
        accepted = {delivery.feed for delivery in deliveries if delivery.accepted}
        for kept in [one for one in self._refused.values() if one.read.feed in accepted]:
            if kept.not_before_ns <= now_ns + LONGEST_RETRY_NS:
                del self._refused[kept.at]
                kept.not_before_ns = now_ns

    def settle(self, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> None:
        """Forget reads up to `watermark` except inside `gaps` (first, last), which go out again.

        When there has been a higher watermark, nothing is forgotten.

        Raises: OutboxError for a number this feed has never used.
        """
        last_seq = self._last.get(feed, (0, b""))[0]
        if feed not in self._last or not 0 <= watermark <= last_seq:
            if watermark > last_seq:
                epoch = (watermark // EPOCH_NUMBERS + 1) * EPOCH_NUMBERS
                self._last[feed] = epoch + self._start() - 1, CHAIN_START
            raise OutboxError(f"watermark {watermark} for feed {feed!r}: the last number is {last_seq}")
        if any(not 1 <= first <= last <= last_seq for first, last in gaps):
            raise OutboxError(f"a gap for feed {feed!r} is not within 1 and {last_seq}")
        is_older = watermark < self._watermarks.get(feed, 0)
        self._watermarks[feed] = max(watermark, self._watermarks.get(feed, 0))
        wanted_again = []
        for kept in self._up_to(feed, watermark, gaps):
            if any(first <= kept.read.seq <= last for first, last in gaps):
                wanted_again += [kept] if kept.at in self._sent else []
            elif not is_older and kept.read.seq <= watermark and (kept.at in self._sent or kept.attempts > 0):
                self._forget(kept)
        self._offer_again(wanted_again, anew=True)

    def _up_to(self, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> list[_Kept]:
        """All that a watermark and its gaps may speak of: numbers follow arrival."""
        highest = max([watermark, *(last for _, last in gaps)])
        found = [one for one in self._sent.values() if one.read.feed == feed and one.read.seq <= highest]
        for kept in self._waiting.values():
            if kept.read.feed == feed:
                if kept.read.seq > highest:
                    break
                found.append(kept)
        return found

    def _forget(self, kept: _Kept) -> None:
        self._waiting.pop(kept.at, None)
        self._refused.pop(kept.at, None)
        self._sent.pop(kept.at, None)
        del self._by_number[kept.read.feed, kept.read.seq]

    def _offer_unconfirmed(self, now_ns: int) -> None:
        if now_ns - self._confirmed_ns >= CONFIRM_EVERY_NS:
            self._confirmed_ns = now_ns
            self._offer_again([one for one in self._sent.values() if one.not_before_ns <= now_ns], anew=False)

    def _offer_again(self, reads: Sequence[_Kept], *, anew: bool) -> None:
        for kept in reads:
            self._waiting[kept.at] = self._sent.pop(kept.at)
            if anew:
                kept.attempts = kept.not_before_ns = 0
        if reads:
            self._waiting = dict(sorted(self._waiting.items()))


def _is_live(kept: _Kept, now_ns: int) -> bool:
    return kept.since_ns > now_ns - LIVE_NS and not kept.not_before_ns
