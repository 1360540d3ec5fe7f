"""Are the frames pictures of now, in which a plate could be read? The reader looks at every one it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, not_checked, ok, standing
from anpr_edge.diag.subject import Subject

STANDING_S = 3.0
"""A fault that has stood for less is a hiccup: a lamp in the lens, a switch from day to night."""


def _condition(fault: str, title: str, explanation: str, next_step: str, after: str = "") -> Condition:
    return Condition(
        code=f"frames-{fault}",
        title=title,
        severity=Severity.READS,
        explanation=explanation,
        depends_on=("service-reader", after) if after else ("service-reader",),
        explained_by=("lamp-board",),
        next_step=next_step,
        visible_after_s=STANDING_S,
    )


FAULTS: dict[str, Condition] = {
    "unusable": _condition(
        "unusable",
        "Frames are 8-bit grey pictures of one size",
        "A frame of another shape or type cannot be searched; it is counted and left out.",
        "correct [camera]: source, width and height must be what the camera gives",
    ),
    "black": _condition(
        "black",
        "Frames are not black",
        "No pixel is bright enough to be anything: a cap on the lens, neither light nor lamps.",
        "look at the lens; anpr-edge doctor illuminator; camera.shutter_us and camera.gain",
        after="lamp-current",
    ),
    "white": _condition(
        "white",
        "Frames are not white",
        "Every pixel is saturated: much too long a shutter, too much gain, or the sun in the lens.",
        "lower camera.shutter_us or camera.gain; look where the camera points",
    ),
    "frozen": _condition(
        "frozen",
        "Frames differ from one another",
        "A sensor's noise makes every picture another. The same one again and again comes from a driver "
        "or a stream that hangs and goes on repeating its last.",
        "systemctl restart anpr-edge-reader; if it comes back, the camera's cable and power",
    ),
    "backwards": _condition(
        "backwards",
        "Frames come in the order they were taken",
        "A frame older than the one before it: what was followed is given up and begun afresh.",
        "a recorded stream that starts again does this; of a live camera, its driver",
    ),
    "slow": _condition(
        "slow",
        "Frames come as often as was asked for",
        "With fewer than half of the frames asked for, a fast vehicle may be seen too seldom to be read.",
        "camera.frame_rate must be what the camera can do at this shutter; a stream: its network",
        after="throttling",
    ),
}


def run(subject: Subject) -> Iterator[Finding]:
    """Every fault, as the reader's own state tells it."""
    faults = subject.state("reader").get("frames", {}).get("faults")
    for name, condition in FAULTS.items():
        if faults is None:
            yield not_checked(condition, "the reader does not say")
        else:
            yield _judge(condition, faults.get(name))


def _judge(condition: Condition, seen: dict[str, Any] | None) -> Finding:
    if seen is None:
        return ok(condition, "never since the start")
    count = f"{seen['count']} frames since the start"
    if seen["for_s"] is None:
        return ok(condition, f"not now; {count}")
    measured = f"for {seen['for_s']:.0f} s; {count}"
    return standing(condition, seen["for_s"], measured, limit=f"{STANDING_S:.0f} s")


CHECK = Check("frames", tuple(FAULTS.values()), run)
