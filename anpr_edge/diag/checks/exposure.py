"""Has exposure control been at its limits for long, with plates still too dark or too bright?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.diag.sun import elevation_deg

EXPOSURE = Condition(
    code="exposure",
    title="Shutter, gain and lamps suffice to make plates readable",
    severity=Severity.READS,
    explanation=(
        "The reader holds plates at one brightness with shutter, gain and lamps. At its limits for long, "
        "all light there is leaves them too dark, or the least of it too bright: a dirty window, dead "
        "lamps, the wrong aperture, the sun in the picture. A moment at a limit is no fault."
    ),
    depends_on=("service-reader", "lamp-current", "frames-black", "frames-white"),
    explained_by=("lamp-board", "lamp-heat"),
    next_step="clean window and lens, see that every lamp shines; then the aperture, lamps and gain",
    visible_after_s=600.0,
)

DAY_NIGHT = Condition(
    code="day-night",
    title="Day and night are told apart",
    severity=Severity.READS,
    explanation=(
        "The reader works by a day's and a night's profile, as the light has it. By night in bright sun, "
        "or by day long after dusk, lamps and shutter are wrong for the road. In a tunnel that is as it "
        "should be: leave site.lat_deg and lon_deg out there."
    ),
    depends_on=("exposure", "clock-date"),
    next_step="look at window, lens and lamps; are site.lat_deg and lon_deg this unit's?",
)

HIGH_SUN_DEG, DEEP_NIGHT_DEG = 15.0, -12.0
"""Well after sunrise under any cloud, and the end of nautical twilight."""

NEXT_STEPS = {
    "dark": (
        "clean window and lens, see that every lamp shines, open the aperture; then raise "
        "illuminator.level or exposure.max_gain"
    ),
    "bright": "close the aperture, or lower illuminator.level; look for the sun or a mirror in the picture",
}


def run(subject: Subject) -> Iterator[Finding]:
    """What the reader last said of it, and whether that goes with the sun."""
    exposure = subject.state("reader").get("exposure")
    yield _finding(exposure)
    yield _by_the_sun(subject, exposure)


def _finding(exposure: Mapping[str, Any] | None) -> Finding:
    if exposure is None:
        return ok(EXPOSURE, "not controlled: it is fixed, or the source's own matter")
    if not exposure:
        return ok(EXPOSURE, "no frame yet")
    if exposure["lamp_fault"]:
        return fail(
            EXPOSURE,
            f"the lamps do not obey: {exposure['lamp_fault']}",
            next_step="anpr-edge doctor illuminator",
        )
    settings = in_words(exposure)
    if is_stuck(exposure):
        measured = f"too {exposure['limit']} for {exposure['limit_s'] / 60:.0f} min at {settings}"
        limit = f"{EXPOSURE.visible_after_s / 60:.0f} min"
        return warn(EXPOSURE, measured, limit=limit, next_step=NEXT_STEPS[exposure["limit"]])
    return ok(EXPOSURE, f"{exposure['profile']}: {settings}")


def _by_the_sun(subject: Subject, exposure: Mapping[str, Any] | None) -> Finding:
    site = subject.config.site
    if not exposure or site.lat_deg is None or site.lon_deg is None:
        return absent(DAY_NIGHT, "the exposure is not controlled, or the site has no position")
    utc = datetime.fromtimestamp(subject.clock.now().utc_ns / 1e9, UTC)
    height_deg, profile = elevation_deg(site.lat_deg, site.lon_deg, utc), exposure["profile"]
    measured = f"{profile}, with the sun at {height_deg:+.0f}°"
    if profile == "night" and height_deg > HIGH_SUN_DEG:
        return warn(DAY_NIGHT, measured, limit=f"{HIGH_SUN_DEG:+.0f}°")
    if profile == "day" and height_deg < DEEP_NIGHT_DEG:
        return warn(DAY_NIGHT, measured, limit=f"{DEEP_NIGHT_DEG:+.0f}°")
    return ok(DAY_NIGHT, measured)


def is_stuck(exposure: Mapping[str, Any]) -> bool:
    """Whether it has been at a limit for long."""
    return exposure.get("limit") is not None and exposure["limit_s"] >= EXPOSURE.visible_after_s


def in_words(exposure: Mapping[str, Any]) -> str:
    """Shutter, gain and lamps, such as `201 µs, gain 1.0, lamps 44 %`."""
    lamps = (
        "" if exposure["lamp_level"] is None else f", lamps {exposure['lamp_level']:.0%}".replace("%", " %")
    )
    return f"{exposure['shutter_us']} µs, gain {exposure['gain']:.1f}{lamps}"


CHECK = Check("exposure", (EXPOSURE, DAY_NIGHT), run)
