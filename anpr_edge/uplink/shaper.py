"""What may go out now: live reads first, the backlog at its rate, nothing where a broker said no.

No threads, no I/O: the service asks before it publishes and tells what was answered.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anpr_edge.records import Delivery, OutboxEntry
from anpr_edge.seams import Clock
from anpr_edge.uplink.reasons import HOLDING, SLOWING, Cause

FIRST_HOLD_S: Final = 15.0
LONGEST_HOLD_S: Final = 3600.0
"""A feed the broker does not let us write is tried with one read after 15 s, for its access list may just be
loaded anew; then after twice as long each time, up to an hour: a person has to change it."""

FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0
"""After "quota exceeded" nothing goes out for 5 s, then twice as long each time, up to 5 minutes, give or
take a quarter."""

UNCONFIRMED_S: Final = 60.0
"""A read of the backlog that the centre has not confirmed for so long counts no more: it may never be."""

BURST_S: Final = 0.5
"""Backlog that could not go out, because live reads did, catches up by no more than this."""

JITTER: Final = 0.5
"""Two reads of the backlog follow each other after half to one and a half of the rate's interval."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many reads may go out now: at most `unanswered`, `backlog` not live, none of feeds `held`."""

    unanswered: int
    backlog: int
    held: frozenset[str]


@dataclass(slots=True)
class _Hold:
    """A feed the broker refuses: since when, why, until when nothing is tried, whether one read tries now."""

    code: int
    since_ns: int
    delay_s: float
    until_ns: int
    trying: bool = False


class Shaper:
    """Decides for one uplink whose window holds `window` unanswered reads.

    The backlog goes out at `backlog_per_s`, beginning at a random moment within `spread_s` of a connection,
    so that a city that comes back from an outage does not flatten its broker, and with at most `unconfirmed`
    reads that the centre has not confirmed, so that no fleet's backlog is faster than its centre. While
    `thrifty` says so it stays. Live reads do not wait.
    """

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        *,
        window: int,
        backlog_per_s: float,
        spread_s: float,
        unconfirmed: int,
        thrifty: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._window = window
        self._width = float(window)
        self._per_s = backlog_per_s
        self._spread_s = spread_s
        self._most_unconfirmed = unconfirmed
        self._unconfirmed: dict[tuple[str, int], int] = {}
        self._thrifty = thrifty
        self._broker = ""
        self._holds: dict[str, _Hold] = {}
        self._pause_s = FIRST_PAUSE_S
        self._paused_until_ns = 0
        self._starts_ns = 0
        self._credit, self._credited_ns = 0.0, 0

    def connected(self, broker: str) -> None:
        """A connection has come up; another broker than before may take what the last one refused."""
        if broker != self._broker:
            self._broker = broker
            self._holds.clear()
            self._width = float(self._window)
        self._unconfirmed.clear()
        now_ns = self._now_ns()
        self._starts_ns = now_ns + round(self._rng.uniform(0.0, self._spread_s) * 1e9)
        self._credit, self._credited_ns = 1.0, self._starts_ns

    def lost(self, cause: str) -> None:
        """The connection has ended: what tried a held feed was not answered."""
        for hold in self._holds.values():
            hold.trying = False
        if cause == Cause.QUOTA:
            self._slow_down()

    def allowance(self) -> Allowance:
        """What may go out now."""
        now_ns = self._now_ns()
        if now_ns < self._paused_until_ns:
            return Allowance(0, 0, frozenset())
        held = frozenset(feed for feed in self._holds if self.is_held(feed))
        return Allowance(int(self._width), self._backlog(now_ns), held)

    def is_held(self, feed: str) -> bool:
        """Whether no read of this feed may go out now."""
        hold = self._holds.get(feed)
        return hold is not None and (hold.trying or self._now_ns() < hold.until_ns)

    def sent(self, entry: OutboxEntry) -> None:
        """One read went out."""
        if not entry.live:
            self._unconfirmed[entry.read.feed, entry.read.seq] = self._now_ns()
            self._credit -= self._rng.uniform(1 - JITTER, 1 + JITTER)
        if hold := self._holds.get(entry.read.feed):
            hold.trying = True

    def confirmed(self, feed: str, watermark: int) -> None:
        """The centre has this feed's reads up to here, or has asked for them again."""
        for key in [key for key in self._unconfirmed if key[0] == feed and key[1] <= watermark]:
            del self._unconfirmed[key]

    def answered(self, delivery: Delivery) -> None:
        """The broker has answered a read."""
        if not delivery.accepted:
            self._unconfirmed.pop((delivery.feed, delivery.seq), None)
        if delivery.reason_code in HOLDING:
            self._hold(delivery.feed, delivery.reason_code)
        elif delivery.reason_code in SLOWING:
            self._slow_down()
        else:
            self._holds.pop(delivery.feed, None)
        if delivery.accepted:
            self._pause_s = FIRST_PAUSE_S
            self._width = min(self._window, self._width + 1 / self._width)

    def state(self) -> dict[str, object]:
        """What is kept back now and why, for the service's state."""
        now_ns = self._now_ns()
        paused_s = max(0.0, (self._paused_until_ns - now_ns) / 1e9)
        backlog = "saving" if self._thrifty() else "waiting" if now_ns < self._starts_ns else "going"
        return {
            "held": {
                feed: {
                    "reason_code": hold.code,
                    "for_s": round((now_ns - hold.since_ns) / 1e9, 1),
                    "again_in_s": round(max(0.0, (hold.until_ns - now_ns) / 1e9), 1),
                }
                for feed, hold in self._holds.items()
            },
            "paused_s": round(paused_s, 1),
            "unanswered_limit": int(self._width),
            "backlog": backlog,
        }

    def _backlog(self, now_ns: int) -> int:
        if self._thrifty() or now_ns < self._starts_ns:
            return 0
        most = max(1.0, BURST_S * self._per_s)
        self._credit = min(most, self._credit + (now_ns - self._credited_ns) / 1e9 * self._per_s)
        self._credited_ns = now_ns
        return max(0, min(int(self._credit), self._most_unconfirmed - self._waits_for_the_centre(now_ns)))

    def _waits_for_the_centre(self, now_ns: int) -> int:
        """How many reads of the backlog the centre is still to confirm; they are in the order they went."""
        while self._unconfirmed:
            oldest, sent_ns = next(iter(self._unconfirmed.items()))
            if now_ns - sent_ns <= UNCONFIRMED_S * 1e9:
                break
            del self._unconfirmed[oldest]
        return len(self._unconfirmed)

    def _hold(self, feed: str, code: int) -> None:
        now_ns = self._now_ns()
        hold = self._holds.setdefault(feed, _Hold(code, now_ns, FIRST_HOLD_S / 2, 0))
        if hold.until_ns and not hold.trying:
            return  # one of several that were under way when the first was refused
        hold.trying = False
        hold.delay_s = min(2 * hold.delay_s, LONGEST_HOLD_S)
        hold.until_ns = now_ns + round(hold.delay_s * 1e9)

    def _slow_down(self) -> None:
        now_ns = self._now_ns()
        if now_ns < self._paused_until_ns:
            return  # one of several refused in one breath
        self._paused_until_ns = now_ns + round(self._pause_s * self._rng.uniform(0.75, 1.25) * 1e9)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._width = max(1.0, self._width / 2)

    def _now_ns(self) -> int:
        return self._clock.now().mono_ns
