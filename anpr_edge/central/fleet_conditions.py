"""Who is late, losing or unhealthy: conditions as data, judged on what a `FleetView` knows.

Not known is never well. A condition that is `essential` and not known keeps its unit from being `ok`;
another one is something that not every unit says of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from anpr_edge.central.fleet_view import FleetView, UnitView

EXPECTED_WITHIN_S: Final = 5.0
"""The broker sends what is retained at once: who is silent for so long has left nothing there."""


class Verdict(StrEnum):
    """What is found of one condition, or of a unit: the worst first. Not known may be a failure."""

    FAIL = "fail"
    NOT_KNOWN = "not-known"
    WARN = "warn"
    OK = "ok"


ORDER: Final = tuple(Verdict)


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is not well."""

    late_s: float = 150.0
    """Units publish their health each minute: two may be missing."""

    backlog_s: float = 600.0
    clock_error_ms: float = 1000.0
    clock_off_s: float = 5.0
    frames_dropped: float = 0.05
    certificate_days: float = 30.0
    temperature_c: float = 80.0
    disk_free_mb: float = 200.0
    exposure_s: float = 600.0
    trial_s: float = 3600.0
    """A unit ends a trial by itself after 45 minutes (docs/update.md)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the measured value in words."""

    verdict: Verdict
    measured: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a judge looks at."""

    unit: UnitView
    fleet: FleetView
    mono_s: float
    limits: Limits

    @property
    def health_age_s(self) -> float | None:
        """How old the unit's health is; None without any."""
        return None if self.unit.health_s is None else self.mono_s - self.unit.health_s


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that can be wrong with a unit. `kind` is what it is called in a word; `code` is stable."""

    code: str
    kind: str
    title: str
    judge: Callable[[Moment], Judgement]
    next: str
    essential: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one condition."""

    condition: Condition
    verdict: Verdict
    measured: str


def well(measured: str = "") -> Judgement:
    """All is well with it."""
    return Judgement(Verdict.OK, measured)


def warn(measured: str) -> Judgement:
    """It works, and not as it should."""
    return Judgement(Verdict.WARN, measured)


def fail(measured: str) -> Judgement:
    """It does not work."""
    return Judgement(Verdict.FAIL, measured)


def not_known(why: str) -> Judgement:
    """Nobody can tell, and why."""
    return Judgement(Verdict.NOT_KNOWN, why)


def examine(
    conditions: Sequence[Condition], fleet: FleetView, unit: UnitView, mono_s: float, limits: Limits
) -> list[Found]:
    """What is found of each condition of one unit, the worst first."""
    moment = Moment(unit, fleet, mono_s, limits)
    judged = [(condition, condition.judge(moment)) for condition in conditions]
    found = [Found(condition, one.verdict, one.measured) for condition, one in judged]
    return sorted(found, key=lambda one: ORDER.index(one.verdict))


def overall(found: Sequence[Found]) -> Verdict:
    """The unit's verdict: the worst of them, but for what it need not tell."""
    counted = (f for f in found if f.verdict is not Verdict.NOT_KNOWN or f.condition.essential)
    return min((one.verdict for one in counted), key=ORDER.index, default=Verdict.NOT_KNOWN)
