"""Which feeds get a read, and what they may see of it, with a count of everything they do not get."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from anpr_edge.daemon.state import moment
from anpr_edge.dailycounts import DailyCounts
from anpr_edge.plates.syntax import fold
from anpr_edge.records import PlateRead
from anpr_edge.seal.policy.coarse import as_seen
from anpr_edge.seal.policy.decide import Ruling, ruling
from anpr_edge.seal.policy.model import FeedTerms, Policy, utc_text
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

MINUTE_NS = 60 * 10**9

_draw = random.SystemRandom().random


class Lists(Protocol):
    """The lists of vehicles of interest that a unit holds."""

    def has(self, name: str, folded: str, utc_ns: int) -> bool:
        """Whether a plate, its look-alike characters made one, is on the list of this name."""

    def state(self) -> Mapping[str, object]:
        """What is held of each list, for the reader's state."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one feed gets of one read."""

    feed: str
    read: PlateRead


class FeedGate:
    """Applies a policy to read after read; `refused` says why a newer one is not the one in force.

    `draw` gives a random number from 0 to below 1 and decides what is sampled, for each feed by itself:
    two feeds with the same share do not get the same vehicles. Without `lists` no read is on any;
    `counts` has every ruling, by day. `paused` are the feeds that get nothing for now, with the second of
    UTC at which that ends.
    """

    def __init__(
        self,
        policy: Policy,
        clock: Clock,
        *,
        refused: str = "",
        draw: Callable[[], float] = _draw,
        lists: Lists | None = None,
        counts: DailyCounts | None = None,
        paused: Mapping[str, int] | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._refused = refused
        self._draw = draw
        self._lists = lists
        self._counts = counts
        self._paused = dict(paused or {})
        self._was_valid = True
        self._given_ns: dict[str, deque[int]] = {feed.name: deque() for feed in policy.feeds}
        self._withheld = {feed.name: dict.fromkeys(Ruling, 0) for feed in policy.feeds}

    @property
    def names(self) -> frozenset[str]:
        """The feeds there are."""
        return frozenset(self._given_ns)

    def choose(self, read: PlateRead) -> Sequence[Share]:
        """What each feed gets of this read. Ask once a read: sampling and ceilings count it.

        A preview is there only for feeds that asked for previews.
        """
        self._say_when_it_ends(read)
        shares = []
        for feed in self._policy.feeds:
            if read.preview and not feed.previews:
                continue
            found = self._ruling(feed, read)
            if self._counts:
                self._counts.add(feed.name, found)
            if found is Ruling.GIVEN:
                shares.append(Share(feed.name, as_seen(read, feed)))
            else:
                self._withheld[feed.name][found] += 1
        return shares

    @property
    def feeds(self) -> tuple[str, ...]:
        """The feeds there are, by name."""
        return tuple(feed.name for feed in self._policy.feeds)

    def pause(self, paused: Mapping[str, int]) -> None:
        """Let these feeds get nothing until their second of UTC, and all others what they may have."""
        self._paused = dict(paused)

    def state(self) -> dict[str, object]:
        """The `policy` part of the reader's state; version 0 are the configuration's own feeds."""
        policy = self._policy
        if self._counts:
            self._counts.save_if_due()
        withheld = {
            name: {str(why): count for why, count in counts.items() if count}
            for name, counts in self._withheld.items()
        }
        return {
            "version": policy.version,
            "valid": policy.is_valid(self._clock.now().utc_ns),
            "until": utc_text(policy.until_utc_s) if policy.version else None,
            "refused": self._refused,
            "withheld": withheld,
            "lists": dict(self._lists.state()) if self._lists else {},
            "paused": self._pauses(),
        }

    def _pauses(self) -> dict[str, str]:
        """The feeds that are paused now, and until when."""
        now_s = self._clock.now().utc_ns / 10**9
        return {feed: moment(until) for feed, until in self._paused.items() if until > now_s}

    def _say_when_it_ends(self, read: PlateRead) -> None:
        """Log it once when the policy stops or starts to hold."""
        valid, policy = self._policy.is_valid(read.first.utc_ns), self._policy
        if valid != self._was_valid:
            until = utc_text(policy.until_utc_s)
            words = "holds again" if valid else f"does not hold now (until {until}): no feed gets reads"
            log.log(logging.INFO if valid else logging.ERROR, "policy %d %s", policy.version, words)
        self._was_valid = valid

    def _ruling(self, feed: FeedTerms, read: PlateRead) -> Ruling:
        if self._clock.now().utc_ns < self._paused.get(feed.name, 0) * 10**9:
            return Ruling.PAUSED
        found = ruling(self._policy, feed, read)
        if found is not Ruling.GIVEN:
            return found
        if feed.watch is not None and not self._is_listed(feed.watch.name, read):
            return Ruling.NOT_LISTED
        if feed.share < 1 and self._draw() >= feed.share:
            return Ruling.NOT_SAMPLED
        return Ruling.GIVEN if self._has_room(feed) else Ruling.OVER_CEILING

    def _is_listed(self, name: str, read: PlateRead) -> bool:
        return self._lists is not None and self._lists.has(name, fold(read.plate_text), read.first.utc_ns)

    def _has_room(self, feed: FeedTerms) -> bool:
        """Whether the last minute leaves room under the feed's ceiling; takes the room when it does."""
        if feed.most_per_minute is None:
            return True
        now_ns, given_ns = self._clock.now().mono_ns, self._given_ns[feed.name]
        while given_ns and given_ns[0] <= now_ns - MINUTE_NS:
            given_ns.popleft()
        if len(given_ns) >= feed.most_per_minute:
            return False
        given_ns.append(now_ns)
        return True
