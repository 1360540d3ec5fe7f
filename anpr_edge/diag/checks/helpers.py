"""Do the threads that only help a service still work: those that listen to devices, compare, ask?"""

from __future__ import annotations

from collections.abc import Iterator

from anpr_edge.diag.checks.services import late_threads
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok
from anpr_edge.diag.subject import Subject

HELPERS = Condition(
    code="service-helpers",
    title="What helps the services is on time",
    severity=Severity.EVIDENCE,
    explanation=(
        "Threads of their own listen to the GPS receiver and the lamp board, compare the view with the "
        "commissioned one, and ask whether the first broker is back. One that hangs, as on a serial adapter "
        "whose driver no longer answers, takes nothing from the reads: the service is not restarted for it."
    ),
    depends_on=("service-reader", "service-uplink"),
    next_step=(
        "dmesg | tail: does the serial adapter report errors? plug it out and in, then systemctl restart "
        "anpr-edge-reader"
    ),
)


def run(subject: Subject) -> Iterator[Finding]:
    """What both services say of their helpers."""
    states = [subject.state(process).get("helpers", {}) for process in ("reader", "uplink")]
    late = [words for helpers in states for words in late_threads(helpers)]
    if late:
        yield fail(HELPERS, f"late: {', '.join(late)}")
        return
    awake = sorted(
        name for helpers in states for name, one in helpers.items() if one.get("age_s") is not None
    )
    yield ok(HELPERS, ", ".join(awake) or "none at work")


CHECK = Check("helpers", (HELPERS,), run)
