"""Does the camera see plates well: is it blocked, dazzled, wet, out of focus, too far away?

The reader says in numbers how its pictures are; no picture is kept. What is usual at this hour it keeps too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from statistics import median
from typing import Any

from anpr_edge.diag.condition import (
    Check,
    Condition,
    Finding,
    Severity,
    absent,
    fail,
    not_checked,
    ok,
    standing,
    warn,
)
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import AnprError
from anpr_edge.hourly import ENOUGH_LOOKS, HOURS_FILE, earlier_days, read_hours

USUAL_DAYS = 5
"""From so many earlier days on there is a usual to hold against."""

SOFT_SHARPNESS, BLURRED_SHARPNESS = 0.05, 0.025
SOFT_SHARE, BLURRED_SHARE = 0.5, 0.25
"""Of the usual. Source: our own measurement on the rendered road, plates 95 px wide: sharpness 0.14, after a
blur of 1 px (standard deviation, in the frame) 0.058, of 2 px 0.026, of 3 px 0.020, where five of six plates
are not read any more. Daylight crops have 0.5 to 1 (vision.rectify.sharpness)."""

PALE_SHARE, VEILED_SHARE = 0.6, 0.3
VEIL_GREY = 25.0
"""Source: our own measurement on the rendered road: a veil of a third leaves 71 % of the plates' contrast, of
a half 50 %, of two thirds 36 %, and lifts the darkest parts by 57, 86 and 115 grey levels."""
NARROW_PX, READABLE_PX = 74.0, 60.0
"""2 px across a stroke of 14 mm, and where accuracy falls off. Source: hw/README.md; docs/accuracy.md."""

_FRAMES = ("frames-unusable", "frames-black", "frames-white", "frames-frozen")

BLOCKED = Condition(
    code="camera-blocked",
    title="The picture shows something",
    severity=Severity.READS,
    explanation=(
        "There is light, and hardly a difference in it over the whole picture: something stands or sticks "
        "in front of the lens, paint, a leaf, a bag. A dark picture is frames-black's matter; by night, "
        "with nothing to throw light back, nobody can tell."
    ),
    depends_on=_FRAMES,
    next_step="look at the camera's window, and at what stands in front of it",
    visible_after_s=60.0,
)
GLARE = Condition(
    code="lens-glare",
    title="No light dazzles the camera",
    severity=Severity.READS,
    explanation=(
        "More than a twentieth of the picture is saturated: the low sun, a mirror, a lamp that shines "
        "into the lens. Plates in front of it cannot be read."
    ),
    depends_on=(*_FRAMES, "camera-blocked"),
    next_step="turn the camera, or give it a hood; at the sun's own hour it passes by itself",
    visible_after_s=600.0,
)
HAZE = Condition(
    code="lens-haze",
    title="Plates are as rich in contrast as usual",
    severity=Severity.READS,
    explanation=(
        "Plates have lost contrast and the darkest parts of the picture have become brighter than at this "
        "hour on earlier days: water, dirt or mist on the window scatter the lamps' light."
    ),
    depends_on=(*_FRAMES, "camera-blocked", "lens-glare", "exposure"),
    next_step="clean the window with water and a soft cloth; mist inside: dry the case and its seal",
)
FOCUS = Condition(
    code="focus",
    title="Plates are crisp",
    severity=Severity.READS,
    explanation=(
        "Plates are blurred, by themselves or against this hour on earlier days, while they have "
        "contrast: the lens has turned, the filter was changed, or the camera shakes."
    ),
    depends_on=("lens-haze",),
    explained_by=("lens-haze",),
    next_step="focus on a plate in the middle of the read zone, with the lamps on; then lock the ring",
)
PLATE_WIDTH = Condition(
    code="plate-width",
    title="Plates are wide enough to be read",
    severity=Severity.READS,
    explanation=(
        "At their best a quarter of the looks are as wide as this or wider. A stroke needs two pixels, a "
        "plate 74; below 60 accuracy falls off."
    ),
    depends_on=("service-reader",),
    next_step="a longer focal length, a nearer read zone, or a larger camera.width",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The scene first, then the plates against themselves and against the usual."""
    state = subject.state("reader")
    sight = state.get("sight")
    if not sight:
        for condition in (BLOCKED, GLARE, HAZE, FOCUS, PLATE_WIDTH):
            yield absent(condition, "no frame yet") if sight == {} else not_checked(condition, _SILENT)
        return
    span = f"grey {sight['dark_grey']:.0f} to {sight['bright_grey']:.0f}"
    yield (
        absent(BLOCKED, f"{span}: too dark to tell")
        if sight["dark"]
        else _scene(BLOCKED, sight["flat_s"], span)
    )
    yield _scene(GLARE, sight["glare_s"], f"{sight['clipped'] * 100:.1f} % saturated")
    plates = sight["plates"]
    if plates["looks"] < ENOUGH_LOOKS:
        words = f"{plates['looks']} plates looked at so far, {ENOUGH_LOOKS} tell something"
        yield from (absent(condition, words) for condition in (HAZE, FOCUS))
        yield _too_small(state.get("reads", {}), words)
        return
    usual: dict[str, float] = {}
    try:
        usual = _usual(subject)
        yield _haze(sight, usual)
    except AnprError as error:
        yield not_checked(HAZE, str(error), next_step=error.hint)
    yield _focus(plates["sharpness"], usual.get("sharpness"))
    yield _width(plates["width_px"])


_SILENT = "the reader does not say"


def _scene(condition: Condition, for_s: float | None, measured: str) -> Finding:
    return (
        ok(condition, measured)
        if for_s is None
        else standing(condition, for_s, f"{measured} for {for_s:.0f} s")
    )


def _usual(subject: Subject) -> dict[str, float]:
    """Medians of this hour on earlier days; empty until there are enough of them. Raises: AnprError."""
    hours = read_hours(subject.config.unit.state_dir / HOURS_FILE)
    utc = datetime.fromtimestamp(subject.clock.now().utc_ns / 1e9, UTC)
    seen = [hour for hour in earlier_days(hours, utc) if "sharpness" in hour]
    if len(seen) < USUAL_DAYS:
        return {}
    return {name: median(hour[name] for hour in seen) for name in ("sharpness", "contrast", "dark_grey")}


def _haze(sight: Mapping[str, Any], usual: Mapping[str, float]) -> Finding:
    contrast, dark = sight["plates"]["contrast"], sight["dark_grey"]
    if not usual or contrast is None:
        return absent(HAZE, f"learning: fewer than {USUAL_DAYS} earlier days are known at this hour")
    normally = f"usual {usual['contrast']:.0f} and {usual['dark_grey']:.0f}"
    measured = f"contrast {contrast:.0f}, darkest {dark:.0f}, {normally}"
    limit = f"{PALE_SHARE * 100:.0f} % of the usual, {VEIL_GREY:.0f} grey levels brighter"
    veiled = dark - usual["dark_grey"] > VEIL_GREY
    if not veiled or contrast >= PALE_SHARE * usual["contrast"]:
        return ok(HAZE, measured, limit)
    hardly = contrast < VEILED_SHARE * usual["contrast"]
    return fail(HAZE, measured, limit=limit) if hardly else warn(HAZE, measured, limit=limit)


def _focus(sharpness: float, usual: float | None) -> Finding:
    measured = f"sharpness {sharpness:.2f}" + (f", usual {usual:.2f}" if usual else "")
    limit = f"{SOFT_SHARPNESS:.2f}" + (f" and {SOFT_SHARE * 100:.0f} % of the usual" if usual else "")
    share = sharpness / usual if usual else 1.0
    if sharpness < BLURRED_SHARPNESS or share < BLURRED_SHARE:
        return fail(FOCUS, measured, limit=limit)
    if sharpness < SOFT_SHARPNESS or share < SOFT_SHARE:
        return warn(FOCUS, measured, limit=limit)
    return ok(FOCUS, measured, limit)


def _width(width_px: float) -> Finding:
    measured, limit = f"{width_px:.0f} px", f"{NARROW_PX:.0f} px"
    if width_px < READABLE_PX:
        return fail(PLATE_WIDTH, measured, limit=limit)
    return (
        warn(PLATE_WIDTH, measured, limit=limit) if width_px < NARROW_PX else ok(PLATE_WIDTH, measured, limit)
    )


def _too_small(reads: Mapping[str, Any], words: str) -> Finding:
    """Hardly a plate was looked at: were there many that were too small for a look?"""
    small = reads.get("too_small", 0)
    if small > ENOUGH_LOOKS * 10:
        return fail(
            PLATE_WIDTH, f"{small} times a plate was too small for a look", limit="reading.min_plate_width_px"
        )
    return absent(PLATE_WIDTH, words)


CHECK = Check("sight", (BLOCKED, GLARE, HAZE, FOCUS, PLATE_WIDTH), run)
