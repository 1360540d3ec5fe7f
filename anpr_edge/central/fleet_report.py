"""A fleet at one moment: every unit's verdict and what is wrong, as data for a screen, JSON and metrics.

The JSON object is described in docs/watch.md. No plate is in it: units publish none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from anpr_edge.central.documents import utc_text
from anpr_edge.central.fleet_conditions import ORDER, Found, Limits, Verdict, examine, overall
from anpr_edge.central.fleet_judges import CONDITIONS
from anpr_edge.central.fleet_updates import Progress, Rollout, Systems, rollout, running
from anpr_edge.central.fleet_view import FleetView, UnitView
from anpr_edge.records import Instant

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class UnitReport:
    """One unit at one moment; `found` has every condition, the worst first."""

    unit: UnitView
    verdict: Verdict
    found: tuple[Found, ...]
    health_age_s: float | None

    @property
    def wrong(self) -> list[Found]:
        """What keeps it from being well, the worst first."""
        return [one for one in self.found if one.verdict is not Verdict.OK and self._counts(one)]

    @staticmethod
    def _counts(one: Found) -> bool:
        return one.verdict is not Verdict.NOT_KNOWN or one.condition.essential


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: the units of some groups, and how far they are with the update to a version; `only`
    shows those that are so far."""

    groups: frozenset[str] = frozenset()
    update: str = ""
    only: frozenset[Progress] = frozenset()

    def takes(self, unit: UnitView) -> bool:
        """Whether the unit is of one of the groups, when some are asked for."""
        return not self.groups or bool(self.groups & (unit.groups or frozenset()))

    def leaves_out(self, unit: UnitView) -> bool:
        """Whether only something that a unit left at the broker speaks of it: it is away, and not in the list
        of units there should be. It is no part of a group or of an update, but of the fleet as a whole.
        """
        return bool(self.groups or self.update) and unit.is_left


@dataclass(frozen=True, slots=True)
class FleetReport:
    """All units at one moment, the worst first."""

    fleet: FleetView
    now: Instant
    units: tuple[UnitReport, ...]
    wanted: Wanted = Wanted()
    rollout: Rollout | None = None
    groupless: int = 0
    """Units that no status has told the groups of: with `groups` they are not among `units`."""

    left_out: int = 0
    """Units that are away and not in the list, which `wanted` leaves out."""

    @property
    def shown(self) -> tuple[UnitReport, ...]:
        """The units to show: all, or those that are so far with the update; then those first that trouble."""
        if self.rollout is None:
            return self.units
        step, order = self.rollout.units, tuple(Progress)
        found = [one for one in self.units if not self.wanted.only or step[one.unit.name] in self.wanted.only]
        return tuple(sorted(found, key=lambda one: order.index(step[one.unit.name])))

    @property
    def systems(self) -> Sequence[tuple[str, int]]:
        """Which systems run, and on how many units each."""
        return running(one.unit.systems for one in self.units)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many units have each verdict."""
        found = Counter(one.verdict for one in self.units)
        return {verdict: found[verdict] for verdict in ORDER}

    @property
    def is_well(self) -> bool:
        """Whether we are connected, there are units, and every one of them is known not to fail; and, when an
        update is looked at, is done with it."""
        counts = self.counts
        bad = counts[Verdict.FAIL] + counts[Verdict.NOT_KNOWN] + self.groupless
        done = self.rollout is None or self.rollout.is_done
        return self.fleet.connected and bool(self.units) and not bad and done


def report(fleet: FleetView, now: Instant, limits: Limits, wanted: Wanted = Wanted()) -> FleetReport:
    """Judge every unit now; those with the same verdict by the gravity of what is wrong, then by name."""
    there = [unit for unit in fleet.units.values() if not wanted.leaves_out(unit)]
    members = [unit for unit in there if wanted.takes(unit)]
    units = [_judged(fleet, unit, now.mono_ns / 1e9, limits) for unit in members]
    systems = {unit.name: unit.systems for unit in members}
    return FleetReport(
        fleet,
        now,
        tuple(sorted(units, key=_gravity)),
        wanted,
        rollout(wanted.update, systems) if wanted.update else None,
        sum(unit.groups is None for unit in there) if wanted.groups else 0,
        len(fleet.units) - len(there),
    )


def _judged(fleet: FleetView, unit: UnitView, mono_s: float, limits: Limits) -> UnitReport:
    found = tuple(examine(CONDITIONS, fleet, unit, mono_s, limits))
    age_s = None if unit.health_s is None else max(0.0, mono_s - unit.health_s)
    return UnitReport(unit, overall(found), found, age_s)


def _gravity(one: UnitReport) -> tuple[int, int, str]:
    wrong = one.wrong
    return ORDER.index(one.verdict), CONDITIONS.index(wrong[0].condition) if wrong else 0, one.unit.name


def document(fleet: FleetReport) -> dict[str, Any]:
    """The whole report as one JSON object."""
    view = fleet.fleet
    return {
        "schema": SCHEMA,
        "utc": utc_text(fleet.now.utc_ns),
        "fleet": view.fleet,
        "connected": view.connected,
        "detail": view.detail,
        "well": fleet.is_well,
        "counts": {verdict.value: count for verdict, count in fleet.counts.items()},
        "unreadable_messages": view.unreadable,
        "units_not_shown": view.too_many,
        "systems": dict(fleet.systems),
        "groups": sorted(fleet.wanted.groups) or None,
        "units_of_unknown_groups": fleet.groupless,
        "units_left_out": fleet.left_out,
        "update": _rollout(fleet.rollout),
        "units": [_unit(one, fleet.rollout) for one in fleet.shown],
    }


def _rollout(update: Rollout | None) -> dict[str, Any] | None:
    if update is None:
        return None
    counts = {step.value: count for step, count in update.counts.items()}
    return {"version": update.version, "done": update.is_done, "of": len(update.units), "counts": counts}


def _unit(one: UnitReport, update: Rollout | None) -> dict[str, Any]:
    unit, health = one.unit, one.unit.health
    return {
        "unit": unit.name,
        "verdict": one.verdict.value,
        "listed": unit.listed,
        "online": unit.online,
        "health_age_s": None if one.health_age_s is None else round(one.health_age_s, 1),
        "version": health.version if health else None,
        "groups": None if unit.groups is None else sorted(unit.groups),
        **_systems(unit.systems),
        "progress": update.units[unit.name].value if update else None,
        "reads_committed": health.reads_committed if health else None,
        "reads_lost": health.reads_lost if health else None,
        "clock_error_ms": health.clock_error_ms if health else None,
        "store_missing": unit.held.missing if unit.held else None,
        "store_breaks": unit.held.breaks if unit.held else None,
        "feeds": _feeds(unit),
        "conditions": [_condition(found) for found in _told(one.found)],
    }


def _systems(systems: Systems | None) -> dict[str, Any]:
    """The system that runs, the last update and the one on its way."""
    last, fetch = (systems.last, systems.fetch) if systems else (None, None)
    return {
        "system": systems.running if systems else None,
        "last_update": None
        if last is None
        else {
            "version": last.version,
            "from_version": last.from_version,
            "phase": last.phase.value,
            "why": last.why,
            "utc": None if last.utc_s is None else utc_text(round(last.utc_s * 1e9)),
        },
        "fetch": None if fetch is None else asdict(fetch),
    }


def _told(found: Sequence[Found]) -> list[Found]:
    """What is well needs no line; what is not known does."""
    return [one for one in found if one.verdict is not Verdict.OK]


def _condition(found: Found) -> dict[str, Any]:
    condition = found.condition
    return {
        "code": condition.code,
        "kind": condition.kind,
        "verdict": found.verdict.value,
        "measured": found.measured,
        "next": condition.next if found.verdict in (Verdict.FAIL, Verdict.WARN) else "",
    }


def _feeds(unit: UnitView) -> dict[str, dict[str, Any]]:
    told = (unit.health.feeds if unit.health else None) or {}
    names = sorted({*told, *unit.confirmed})
    return {
        name: {
            "waiting": told[name].waiting if name in told else None,
            "sent": told[name].sent if name in told else None,
            "oldest_age_s": told[name].oldest_age_s if name in told else None,
            "dropped": told[name].dropped if name in told else None,
            "missing": unit.confirmed[name].missing if name in unit.confirmed else None,
            "confirmed_utc": (
                utc_text(round(unit.confirmed[name].issued_s * 1e9)) if name in unit.confirmed else None
            ),
        }
        for name in names
    }
