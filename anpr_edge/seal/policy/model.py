"""A policy as it is thought of: plain values, with their units in their names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

from anpr_edge.seal.header import HIGHEST_SEQ
from anpr_edge.seal.wire import ALL_FIELDS, ALWAYS, Field

UNSIGNED: Final = 0
"""The version of what comes from a unit's own configuration; a signed policy counts from 1."""

MINUTES_OF_DAY: Final = 1440
WEEK: Final = tuple(range(7))

CHOOSABLE: Final = ALL_FIELDS - ALWAYS
"""The fields a feed may be denied; without the others there is no read."""

ReadKind = Literal["all", "syntax-valid", "vehicles-of-interest"]
LISTED: Final = "vehicles-of-interest"


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of local time on some days of the week: 0 is Monday, minutes count from midnight.

    `end_min` is not in it. When it is not after `start_min`, the span runs over midnight.
    """

    days: tuple[int, ...]
    start_min: int
    end_min: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a feed runs, in local time of an IANA zone; without `weekly` hours it is switched off.

    `first_day`, `last_day` and `off_days` are local dates, and count for reads made on them.
    """

    zone: str
    weekly: tuple[Hours, ...]
    first_day: date | None = None
    last_day: date | None = None
    off_days: tuple[date, ...] = ()


ALWAYS_ON: Final = Calendar("UTC", (Hours(WEEK, 0, MINUTES_OF_DAY),))


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who can open a feed: a name for people, and the public key as text."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class ListTerms:
    """The list that decides what a feed gets: its name, and the key its keeper signs it with, as text."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class FeedTerms:
    """What one feed gets.

    `fields` are those of `CHOOSABLE` it has beside what every read has. Time is given to `time_ms`, place
    to `place_m` (0: as exactly as the unit knows it). `share` of the reads that pass everything else is
    given, at random. A read waits on the unit for `waits_s` at most. `kept_days` is what the recipient has
    undertaken, and None when that is not said. `watch` is the list of a feed that gets matches alone, None of
    any other; reads of a feed that is `first` go out before those of others. One with `previews` gets
    each read early as well, while its vehicle is still in view.
    """

    name: str
    purpose: str
    controller: str
    legal_basis: str
    recipients: tuple[Recipient, ...]
    ack_key: str
    fields: frozenset[Field]
    time_ms: int
    place_m: int
    calendar: Calendar
    reads: ReadKind
    min_confidence: float
    share: float
    waits_s: int
    kept_days: int | None
    most_per_minute: int | None
    watch: ListTerms | None = None
    first: bool = False
    previews: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The feeds of some units of a fleet: all units, when neither `units` nor `groups` names any."""

    fleet: str
    version: int
    issued_utc_s: int
    from_utc_s: int
    until_utc_s: int
    units: tuple[str, ...]
    groups: tuple[str, ...]
    reason: str
    feeds: tuple[FeedTerms, ...]

    def is_for(self, fleet: str, unit: str, groups: tuple[str, ...]) -> bool:
        """Whether it is meant for this unit, which counts itself to `groups`."""
        everyone = not self.units and not self.groups
        named = unit in self.units or not set(groups).isdisjoint(self.groups)
        return fleet == self.fleet and (everyone or named)

    def is_valid(self, utc_ns: int) -> bool:
        """Whether it holds at this moment: from its first second on, until before its last."""
        return self.from_utc_s * 10**9 <= utc_ns < self.until_utc_s * 10**9


def unsigned_policy(fleet: str, unit: str, feeds: tuple[FeedTerms, ...]) -> Policy:
    """The feeds of a unit's own configuration in the shape of a policy. It is never encoded or signed."""
    forever_s = HIGHEST_SEQ // 10**9
    return Policy(fleet, UNSIGNED, 0, 0, forever_s, (unit,), (), "", feeds)


def utc_text(utc_s: int) -> str:
    """A moment as people read it: 2026-12-01 00:00 UTC."""
    return f"{datetime.fromtimestamp(utc_s, UTC):%Y-%m-%d %H:%M} UTC"
