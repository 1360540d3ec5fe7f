"""Does the unit know what time it is?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.machine import Machine
from anpr_edge.diag.subject import Subject
from anpr_edge.diag.timedaemon import TimeSource, time_source
from anpr_edge.errors import DeviceError
from anpr_edge.records import Instant

EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""Before the first release: a clock that shows less has lost its time."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""After any unit's life."""

ERROR_LIMIT_MS = 2000.0
"""The kernel widens its bound by 500 ppm, which is 1.02 s over a time daemon's longest interval of 2048 s;
twice that means that it no longer asks. Source: adjtimex(2), timesyncd.conf(5) PollIntervalMaxSec."""

OFFSET_LIMIT_MS = 100.0
"""At 113 km/h a vehicle moves 3 m in that time: two reads of it by neighbouring units still compare."""

HEARD_WITHIN_S = 3 * 3600.0
"""chrony asks at least every 1,024 s; ten times without an answer is no accident, and it calls itself
synchronised for days. Source: chrony.conf(5), maxpoll."""

STEP_TOLD_S = 3600.0

CLOCK_SOURCE = Condition(
    code="clock-source",
    title="A time source is reached",
    severity=Severity.EVIDENCE,
    explanation=(
        "chrony or systemd-timesyncd keeps the clock by a time server or a GPS receiver's pulse. Without "
        "one the clock drifts by up to seconds a day, and after a restart without a battery it is wrong "
        "altogether."
    ),
    next_step=(
        "chronyc sources, or timedatectl timesync-status: are the servers right, and UDP port 123 open?"
    ),
)
CLOCK_DATE = Condition(
    code="clock-date",
    title="The clock shows a plausible date",
    severity=Severity.EVIDENCE,
    explanation=(
        "A unit without a battery-backed clock starts in the past until a time server is reached. Reads "
        "made then carry the wrong date, and certificates seem not yet valid."
    ),
    next_step="timedatectl: is a time server reached?",
)
CLOCK_SYNC = Condition(
    code="clock-sync",
    title="UTC is synchronised and its error bounded",
    severity=Severity.EVIDENCE,
    explanation=(
        "Every read states how far its time may be off, from the bound that the kernel keeps. Without "
        "synchronisation it states that nobody knows, and the read is worth less as evidence."
    ),
    depends_on=("clock-source", "clock-date"),
    next_step="timedatectl timesync-status, or chronyc tracking: is the time server reached?",
)


CLOCK_OFFSET = Condition(
    code="clock-offset",
    title="The clock is where the time daemon wants it",
    severity=Severity.EVIDENCE,
    explanation=(
        "The daemon turns the clock slowly towards its source. While there is far to go, every read is "
        "off by that much, inside the bound that it states."
    ),
    depends_on=("clock-date", "clock-source", "clock-sync"),
    next_step="wait for it; if it does not shrink: a poor source, or a slow and uneven way to it",
    visible_after_s=600.0,
)
CLOCK_STEPS = Condition(
    code="clock-steps",
    title="Nobody has set the clock lately",
    severity=Severity.EVIDENCE,
    explanation=(
        "A step of the clock means that the reads before it carry times off by as much. Right after the "
        "start of a unit without a battery-backed clock that is to be expected; later it is not."
    ),
    depends_on=("service-reader", "clock-source"),
    next_step=(
        "journalctl -u chrony -u systemd-timesyncd says why; correct the times of reads before the step"
    ),
)


def run(subject: Subject) -> Iterator[Finding]:
    """The source, the date, then the kernel's word on how good it is."""
    now, source = subject.clock.now(), None
    try:
        source = time_source(subject.machine)
        yield _source(source, now)
    except DeviceError as error:
        yield not_checked(CLOCK_SOURCE, str(error), next_step=error.hint)
    yield _date(now)
    yield _sync(now)
    yield _offset(source, subject.machine)


def _source(source: TimeSource | None, now: Instant) -> Finding:
    if source is None:
        return absent(CLOCK_SOURCE, "neither chrony nor timesyncd answers")
    if not source.reached:
        measured = f"{source.daemon} reaches no time source"
        synchronised = now.utc_error_ms is not None
        return warn(CLOCK_SOURCE, f"{measured} now") if synchronised else fail(CLOCK_SOURCE, measured)
    measured = f"{source.daemon}: {source.name}, stratum {source.stratum}"
    silent_s = 0.0 if source.heard_utc_s is None else now.utc_ns / 1e9 - source.heard_utc_s
    if silent_s > HEARD_WITHIN_S:
        limit = f"{HEARD_WITHIN_S / 3600:.0f} h"
        return warn(CLOCK_SOURCE, f"{measured}, last heard {silent_s / 3600:.0f} h ago", limit=limit)
    return ok(CLOCK_SOURCE, measured)


def _date(now: Instant) -> Finding:
    date = datetime.fromtimestamp(now.utc_ns / 1e9, UTC)
    shown = date.isoformat(timespec="seconds")
    if EARLIEST <= date < LATEST:
        return ok(CLOCK_DATE, shown)
    return fail(CLOCK_DATE, shown, limit=f"{EARLIEST.year} to {LATEST.year - 1}")


def _sync(now: Instant) -> Finding:
    limit = f"{ERROR_LIMIT_MS:.0f} ms"
    if now.utc_error_ms is None:
        return fail(CLOCK_SYNC, "not synchronised", limit=limit)
    if now.utc_error_ms > ERROR_LIMIT_MS:
        step = "the time server was last reached long ago: timedatectl timesync-status"
        return fail(CLOCK_SYNC, f"±{now.utc_error_ms:.0f} ms", limit=limit, next_step=step)
    return ok(CLOCK_SYNC, f"±{now.utc_error_ms:.1f} ms", limit)


def _offset(source: TimeSource | None, machine: Machine) -> Finding:
    offset_ms = source.offset_ms if source and source.offset_ms is not None else machine.clock_offset_ms()
    if offset_ms is None:
        return absent(CLOCK_OFFSET, "the kernel does not say")
    measured, limit = f"{offset_ms:+.1f} ms", f"{OFFSET_LIMIT_MS:.0f} ms"
    if abs(offset_ms) > OFFSET_LIMIT_MS:
        return warn(CLOCK_OFFSET, measured, limit=limit)
    return ok(CLOCK_OFFSET, measured, limit)


def run_steps(subject: Subject) -> Iterator[Finding]:
    """What the reader saw the wall clock do."""
    clock = subject.state("reader").get("clock", {})
    if "steps" not in clock:
        yield not_checked(CLOCK_STEPS, "the reader does not say")
        return
    age_s = clock["last_step_age_s"]
    if age_s is None or age_s > STEP_TOLD_S:
        yield ok(CLOCK_STEPS, f"none in the last hour, {clock['steps']} since the reader started")
        return
    measured = f"set by {clock['last_step_s']:+.1f} s, {age_s / 60:.0f} min ago"
    yield warn(CLOCK_STEPS, measured, limit=f"{STEP_TOLD_S / 60:.0f} min")


CHECK = Check("clock", (CLOCK_SOURCE, CLOCK_DATE, CLOCK_SYNC, CLOCK_OFFSET), run)
STEPS_CHECK = Check("clock-steps", (CLOCK_STEPS,), run_steps)
