"""Does the unit know what time it is?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok
from anpr_edge.diag.subject import Subject

EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""Before the first release: a clock that shows less has lost its time."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""After any unit's life."""

ERROR_LIMIT_MS = 2000.0
"""The kernel widens its bound by 500 ppm, which is 1.02 s over a time daemon's longest interval of 2048 s;
twice that means that it no longer asks. Source: adjtimex(2), timesyncd.conf(5) PollIntervalMaxSec."""

CLOCK_DATE = Condition(
    code="clock-date",
    title="The clock shows a plausible date",
    severity=Severity.EVIDENCE,
    explanation=(
        "A unit without a battery-backed clock starts in the past until a time server is reached. Reads made "
        "then carry the wrong date, and certificates seem not yet valid."
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
    depends_on=("clock-date",),
    next_step="timedatectl timesync-status, or chronyc tracking: is the time server reached?",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The date, then the kernel's word on how good it is."""
    now = subject.clock.now()
    date = datetime.fromtimestamp(now.utc_ns / 1e9, UTC)
    shown = date.isoformat(timespec="seconds")
    if EARLIEST <= date < LATEST:
        yield ok(CLOCK_DATE, shown)
    else:
        limit = f"{EARLIEST.year} to {LATEST.year - 1}"
        yield fail(CLOCK_DATE, shown, limit=limit, next_step="timedatectl: is a time server reached?")
    limit = f"{ERROR_LIMIT_MS:.0f} ms"
    if now.utc_error_ms is None:
        step = "timedatectl timesync-status, or chronyc tracking: is the time server reached?"
        yield fail(CLOCK_SYNC, "not synchronised", limit=limit, next_step=step)
    elif now.utc_error_ms > ERROR_LIMIT_MS:
        step = "the time server was last reached long ago: timedatectl timesync-status"
        yield fail(CLOCK_SYNC, f"±{now.utc_error_ms:.0f} ms", limit=limit, next_step=step)
    else:
        yield ok(CLOCK_SYNC, f"±{now.utc_error_ms:.1f} ms", limit)


CHECK = Check("clock", (CLOCK_DATE, CLOCK_SYNC), run)
