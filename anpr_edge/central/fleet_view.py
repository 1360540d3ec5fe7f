"""What a fleet says of itself at the broker, unit by unit: facts with their ages, and no verdict yet."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from anpr_edge.central.fleet_health import Health, read_health
from anpr_edge.central.fleet_updates import Systems
from anpr_edge.errors import EnvelopeError
from anpr_edge.records import Instant
from anpr_edge.seal.acks import Ack, open_ack
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.uplink import topics
from anpr_edge.uplink.connection import HEALTH_EXPIRY_S

RISING_WITHIN_S: Final = 900.0
"""A count that rose this recently is rising."""

MOST_UNITS: Final = 10_000
"""Units beyond that are counted and not looked at: one broker's fleet is smaller."""

MOST_GROUPS: Final = 32
"""Of one unit, as in its configuration."""


class Rise:
    """By how much a count has grown within the last `RISING_WITHIN_S`; a restart of its owner is no fall."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._steps: deque[tuple[float, int]] = deque()

    def see(self, count: int | None, mono_s: float) -> None:
        """Take the count as it is now."""
        if count is None:
            return
        if self._last is not None and count > self._last:
            self._steps.append((mono_s, count - self._last))
        self._last = count

    def within(self, mono_s: float) -> int:
        """The growth of the last `RISING_WITHIN_S`."""
        while self._steps and self._steps[0][0] < mono_s - RISING_WITHIN_S:
            self._steps.popleft()
        return sum(step for _, step in self._steps)


@dataclass(slots=True)
class Confirmed:
    """What a feed's centre has last told a unit."""

    watermark: int
    missing: int
    """How many numbers it asks for again."""

    issued_s: float


@dataclass(frozen=True, slots=True)
class Held:
    """What the centre's store holds of one unit: numbers that are not here, chains that do not hold."""

    missing: int
    breaks: int
    restarts: int


class Ledger(Protocol):
    """What a store says of one unit's feed."""

    @property
    def missing(self) -> int: ...

    @property
    def restarts(self) -> int: ...

    breaks: int


class LedgerKey(Protocol):
    """Whose ledger it is."""

    @property
    def fleet(self) -> str: ...

    @property
    def unit(self) -> str: ...


@dataclass(slots=True)
class UnitView:
    """All that is known of one unit; times are monotonic seconds, None when it was never heard."""

    name: str
    listed: bool | None = None
    online: bool | None = None
    offline_reason: str = ""
    groups: frozenset[str] | None = None
    """What commands may address it by; None as long as no status of it has said so."""

    health: Health | None = None
    health_s: float | None = None
    """When the last health message was made; of a retained one as near as its own time tells."""

    health_age_known: bool = False
    clock_off_s: float | None = None
    """How far the unit's clock was from ours when a message came straight from it."""

    confirmed: dict[str, Confirmed] = field(default_factory=dict)
    held: Held | None = None
    """None without a store to look at."""

    breaks: Rise = field(default_factory=Rise)
    restarts: Rise = field(default_factory=Rise)
    lost: Rise = field(default_factory=Rise)
    dropped: Rise = field(default_factory=Rise)
    frames_taken: Rise = field(default_factory=Rise)
    frames_dropped: Rise = field(default_factory=Rise)
    acks_refused: Rise = field(default_factory=Rise)

    @property
    def systems(self) -> Systems | None:
        """What it says of its system; None when it says nothing."""
        return self.health.systems if self.health else None

    @property
    def is_left(self) -> bool:
        """Whether it is in no list of units, though there is one, and what speaks of it is what was left at
        the broker: that it is away, or watermarks alone.
        """
        return self.listed is False and (self.online is False or (self.online is None and not self.health))

    @property
    def missing(self) -> int:
        """How many numbers the centres ask for again, over all feeds."""
        return sum(one.missing for one in self.confirmed.values())


class FleetView:
    """Hears messages and remembers the last of each kind, of every unit.

    `listed` are the units there should be, None when nobody says. `ack_keys` are the keys whose watermarks
    count; without any, watermarks are not looked at.
    """

    def __init__(
        self,
        fleet: str,
        *,
        listed: Collection[str] | None = None,
        ack_keys: Collection[VerifyKey] = (),
    ) -> None:
        self.fleet = fleet
        self.unreadable = 0
        """Messages that could not be understood, or watermarks nobody we know signed."""

        self.too_many = 0
        self.connected = False
        self.detail = "not connected yet"
        self.connected_s: float | None = None
        self._has_list = listed is not None
        self._ack_keys = tuple(ack_keys)
        self._units: dict[str, UnitView] = {name: UnitView(name, listed=True) for name in listed or ()}

    @property
    def filters(self) -> list[str]:
        """What to subscribe to."""
        kinds = [topics.status(self.fleet, "+"), topics.health(self.fleet, "+")]
        return [*kinds, topics.ack(self.fleet, "+", "+")] if self._ack_keys else kinds

    @property
    def units(self) -> Mapping[str, UnitView]:
        """Every unit heard of or listed, by name."""
        return self._units

    def link_changed(self, connected: bool, detail: str, now: Instant) -> None:
        """The connection to the broker came up or went down."""
        if connected:
            self.connected_s = now.mono_ns / 1e9
        self.connected, self.detail = connected, detail

    def hear(self, topic: str, payload: bytes, retained: bool, now: Instant) -> None:
        """Take one message; what cannot be understood is counted and changes nothing."""
        parts = topic.split("/")
        prefix = topics.ROOT.split("/")
        if len(parts) < 5 or parts[:3] != [*prefix, self.fleet] or not topics.is_name(parts[3]):
            self.unreadable += 1
            return
        unit, kind = self._unit(parts[3]), parts[4]
        if unit is None:
            self.too_many += 1
        elif kind == "status" and len(parts) == 5:
            self._status(unit, payload, now)
        elif kind == "health" and len(parts) == 5:
            self._health(unit, payload, retained, now)
        elif kind == "ack" and len(parts) == 6:
            self._ack(unit, parts[5], payload)
        else:
            self.unreadable += 1

    def count(self, ledgers: Iterable[tuple[LedgerKey, Ledger]], now: Instant) -> None:
        """Take what the centre's store holds, all feeds and keys of a unit together."""
        by_unit: dict[str, list[Ledger]] = {}
        for key, ledger in ledgers:
            if key.fleet == self.fleet:
                by_unit.setdefault(key.unit, []).append(ledger)
        for name, found in by_unit.items():
            unit = self._unit(name)
            if unit is not None:
                unit.held = held = Held(
                    sum(one.missing for one in found),
                    sum(one.breaks for one in found),
                    sum(one.restarts for one in found),
                )
                unit.breaks.see(held.breaks, now.mono_ns / 1e9)
                unit.restarts.see(held.restarts, now.mono_ns / 1e9)

    def _unit(self, name: str) -> UnitView | None:
        if name not in self._units and len(self._units) < MOST_UNITS:
            self._units[name] = UnitView(name, listed=False if self._has_list else None)
        return self._units.get(name)

    def _status(self, unit: UnitView, payload: bytes, now: Instant) -> None:
        if not payload:  # somebody has cleared what was left there
            unit.online, unit.groups = None, None
            return
        try:
            document = json.loads(payload)
            state, reason = document["state"], document.get("reason", "")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            state = reason = None
        if state not in ("online", "offline"):
            unit.online, self.unreadable = None, self.unreadable + 1
            return
        unit.online = state == "online"
        unit.offline_reason = reason if reason in ("lost", "stopped") else "no reason given"
        groups = document.get("groups")
        if isinstance(groups, list):
            names = (name for name in groups[:MOST_GROUPS] if isinstance(name, str))
            unit.groups = frozenset(filter(topics.is_name, names))

    def _health(self, unit: UnitView, payload: bytes, retained: bool, now: Instant) -> None:
        health = read_health(payload)
        if health is None:
            self.unreadable += 1
            return
        mono_s, age_s = now.mono_ns / 1e9, 0.0
        behind_s = None if health.utc_s is None else now.utc_ns / 1e9 - health.utc_s
        if retained:  # left at the broker, which drops it after HEALTH_EXPIRY_S
            unit.health_age_known = behind_s is not None and 0 <= behind_s <= HEALTH_EXPIRY_S
            age_s = behind_s if unit.health_age_known and behind_s is not None else 0.0
        else:
            unit.health_age_known, unit.clock_off_s = True, None if behind_s is None else -behind_s
        unit.health, unit.health_s = health, mono_s - age_s
        unit.lost.see(health.reads_lost, mono_s)
        unit.dropped.see(health.dropped, mono_s)
        unit.frames_taken.see(health.frames_taken, mono_s)
        unit.frames_dropped.see(health.frames_dropped, mono_s)
        unit.acks_refused.see(health.acks_refused, mono_s)

    def _ack(self, unit: UnitView, feed: str, payload: bytes) -> None:
        ack = self._opened(payload)
        if ack is None or (ack.fleet, ack.unit, ack.feed) != (self.fleet, unit.name, feed):
            self.unreadable += 1
            return
        missing = sum(last - first + 1 for first, last in ack.gaps)
        unit.confirmed[feed] = Confirmed(ack.watermark, missing, ack.issued_utc_ns / 1e9)

    def _opened(self, payload: bytes) -> Ack | None:
        for key in self._ack_keys:
            try:
                return open_ack(payload, key)
            except EnvelopeError:
                continue
        return None
