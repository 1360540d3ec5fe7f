"""Does the camera still look where it looked when the unit was accepted?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anpr_edge.commissioning import read_views
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, ok, standing, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import AnprError
from anpr_edge.statefile import read_state

CAMERA_MOVED = Condition(
    code="camera-moved",
    title="The camera looks where it looked when the unit was accepted",
    severity=Severity.READS,
    explanation=(
        "Every five minutes the reader compares where edges lie in the picture with the commissioning view, "
        "which anpr-edge aim captured by day and by night. A camera that was knocked, turned or sagged no "
        "longer sees its lanes where they were drawn. Where the light shows other edges, or something stands "
        "before the lens, it cannot tell."
    ),
    depends_on=("service-reader",),
    next_step="anpr-edge aim: aim it anew, look at areas and lanes, capture the view",
    visible_after_s=600.0,  # two comparisons more said the same: no lorry has parked there
)

HIDDEN_S = 86_400.0
"""A view that cannot be told for a whole day, with its light in it, has something before the lens."""


def run(subject: Subject) -> Iterator[Finding]:
    """What the reader last said of it."""
    unit = subject.config.unit
    try:
        views = read_views(unit.state_dir)
    except AnprError as error:
        yield fail(CAMERA_MOVED, str(error), next_step=error.hint)
        return
    if not views:
        yield absent(CAMERA_MOVED, "nothing to compare with: no commissioning view (anpr-edge aim)")
        return
    state = read_state(unit.run_dir / "reader.json") or {}
    yield _finding(state.get("view"))


def _finding(view: Mapping[str, Any] | None) -> Finding:
    if view is None:
        return absent(CAMERA_MOVED, "not compared yet, or the view was captured in other light")
    for_min = view["for_s"] / 60
    if view["verdict"] == "moved":
        measured = (
            f"moved by {100 * view['shift_x']:+.1f} % across, {100 * view['shift_y']:+.1f} % down, turned "
            f"{view['turn_deg']:+.1f}°; for {for_min:.0f} min"
        )
        return standing(CAMERA_MOVED, view["for_s"], measured)
    if view["verdict"] == "cannot tell":
        measured = f"cannot tell: agreement {view['agreement']:.2f} for {for_min:.0f} min"
        if view["for_s"] >= HIDDEN_S:
            step = "look through anpr-edge aim: is something before the lens?"
            return warn(CAMERA_MOVED, measured, limit="24 h", next_step=step)
        return ok(CAMERA_MOVED, measured)
    return ok(CAMERA_MOVED, f"as captured ({view['light']}): agreement {view['agreement']:.2f}")


CHECK = Check("moved", (CAMERA_MOVED,), run)
