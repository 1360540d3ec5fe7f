"""Does the unit read about as much as at this hour in earlier weeks?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from statistics import median

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import AnprError
from anpr_edge.hourly import HOURS_FILE, Hour, earlier_weeks, hour_name, read_hours

WEEKS_NEEDED = 2
LEAST_SECONDS = 1800.0
"""An hour of which less was looked at says too little."""

LEAST_EXPECTED = 30.0
"""Below that the number of vehicles in an hour is chance. Source: Poisson; of 30, 9 or fewer come in
one of 100,000 hours."""

FEW_SHARE, HARDLY_SHARE = 0.3, 0.1

CAPTURE_RATE = Condition(
    code="capture-rate",
    title="As many plates are read as at this hour in earlier weeks",
    severity=Severity.READS,
    explanation=(
        "The last full hour is held against the same hour of the week, and its neighbours, in up to "
        "four earlier weeks. Far fewer, with nothing else wrong, means that the camera looks elsewhere, "
        "or that the road is closed. What is usual stands in hours.json, which has numbers and no read."
    ),
    depends_on=(
        "service-reader",
        *(f"frames-{fault}" for fault in ("unusable", "black", "white", "frozen", "backwards", "slow")),
        "lamp-current",
        "clock-date",
    ),
    explained_by=(
        "service-restarts",
        "lamp-board",
        "camera-moved",
        "exposure",
        "day-night",
        "model-speed",
        "camera-blocked",
        "lens-glare",
        "lens-haze",
        "focus",
        "plate-width",
    ),
    next_step="is the road open? then look where the camera points: has it been turned?",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The last full hour against the usual."""
    try:
        hours = read_hours(subject.config.unit.state_dir / HOURS_FILE)
    except AnprError as error:
        yield not_checked(CAPTURE_RATE, str(error), next_step=error.hint)
        return
    now = datetime.fromtimestamp(subject.clock.now().utc_ns / 1e9, UTC)
    yield _judge(hours, now - timedelta(hours=1))


def _judge(hours: Mapping[str, Hour], utc: datetime) -> Finding:
    last = hours.get(hour_name(utc), {})
    if last.get("seconds", 0.0) < LEAST_SECONDS:
        return absent(CAPTURE_RATE, "the unit has not looked for a full hour yet")
    usual = [_usual(hours, utc + timedelta(hours=beside)) for beside in (0, -1, 1)]
    if usual[0] is None:
        return absent(CAPTURE_RATE, f"learning: fewer than {WEEKS_NEEDED} earlier weeks are known")
    expected = min(rate for rate in usual if rate is not None) * last["seconds"]
    measured = f"{last['reads']:.0f} reads in the hour from {utc:%H}:00 UTC, usual {expected:.0f}"
    if expected < LEAST_EXPECTED:
        return ok(CAPTURE_RATE, f"{measured}: too few to tell")
    limit = f"{FEW_SHARE * expected:.0f}"
    if last["reads"] < HARDLY_SHARE * expected:
        return fail(CAPTURE_RATE, measured, limit=limit)
    few = last["reads"] < FEW_SHARE * expected
    return warn(CAPTURE_RATE, measured, limit=limit) if few else ok(CAPTURE_RATE, measured, limit)


def _usual(hours: Mapping[str, Hour], utc: datetime) -> float | None:
    """Reads a second at this hour of the week, the median of the weeks that are known."""
    seen = [hour for hour in earlier_weeks(hours, utc) if hour.get("seconds", 0.0) >= LEAST_SECONDS]
    return median(hour["reads"] / hour["seconds"] for hour in seen) if len(seen) >= WEEKS_NEEDED else None


CHECK = Check("traffic", (CAPTURE_RATE,), run)
