"""What a well-aimed unit measures, and whether this one does: ok, not ok, or nobody has checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Mark = Literal["ok", "not-ok", "not-checked"]

WIDTH_PX = 100.0
READABLE_PX = 74.0
"""Source: hw/README.md, lens and exposure: a 520 mm plate can be read from 74 px on; aim for 100."""
SHARPNESS = 0.1
"""Source: our measurement on the rendered night: 0.15 in focus, 0.09 after a blur of 0.7 px, 0.04 after 2 px;
photographs by day have 0.5 and more."""
CLIPPED_SHARE = 0.05
"""Of a plate: with more, the strokes of its characters are eaten from both sides."""
RATE_SHARE = 0.9
"""Of the frames that were asked for."""
VEHICLES = 3
"""Fewer than so many say nothing about a place."""


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the acceptance record."""

    name: str
    mark: Mark
    measured: str
    need: str = ""
    next: str = ""


def measured_points(facts: Mapping[str, Any]) -> list[Point]:
    """The points that the camera's own pictures answer, from the facts of the last parcel."""
    return [_width(facts), _sharpness(facts), _saturation(facts), _rate(facts), _exposure(facts)]


def _of_vehicles(facts: Mapping[str, Any], name: str, need: str, figure: str) -> tuple[Point | None, float]:
    seen = facts["vehicles"]
    if seen["count"] < VEHICLES:
        words = f"{seen['count']} of {VEHICLES} vehicles"
        return Point(name, "not-checked", words, need, "wait for traffic, or drive by"), 0.0
    return None, float(seen[figure])


def _width(facts: Mapping[str, Any]) -> Point:
    name, need = "Plate width", f"{WIDTH_PX:.0f} px or more"
    unknown, width_px = _of_vehicles(facts, name, need, "width_px")
    if unknown:
        return unknown
    measured = f"{width_px:.0f} px, the middle of {facts['vehicles']['count']} vehicles"
    if width_px >= WIDTH_PX:
        return Point(name, "ok", measured, need)
    return Point(name, "not-ok", measured, need, "a longer focal length, or a nearer stretch of road")


def _sharpness(facts: Mapping[str, Any]) -> Point:
    name, need = "Sharpness of plates", f"{SHARPNESS:.2f} or more"
    unknown, sharpness = _of_vehicles(facts, name, need, "sharpness")
    if unknown:
        return unknown
    if sharpness >= SHARPNESS:
        return Point(name, "ok", f"{sharpness:.2f}", need)
    return Point(
        name, "not-ok", f"{sharpness:.2f}", need, "focus by the meter, in infrared, with the lamps on"
    )


def _saturation(facts: Mapping[str, Any]) -> Point:
    name, need = "Saturation of plates", f"{CLIPPED_SHARE:.0%} or less".replace("%", " %")
    unknown, clipped = _of_vehicles(facts, name, need, "clipped")
    if unknown:
        return unknown
    measured = f"{clipped:.1%}".replace("%", " %")
    if clipped <= CLIPPED_SHARE:
        return Point(name, "ok", measured, need)
    return Point(name, "not-ok", measured, need, "close the aperture, or lower illuminator.level")


def _rate(facts: Mapping[str, Any]) -> Point:
    now, asked = facts["rate"]["now"], facts["rate"]["asked"]
    need = f"{asked * RATE_SHARE:.1f} frames/s or more"
    if now is None:
        return Point("Frame rate", "not-checked", "no frame yet", need)
    if now >= asked * RATE_SHARE:
        return Point("Frame rate", "ok", f"{now:.1f} frames/s", need)
    step = "camera.frame_rate must be what the camera can do at this shutter"
    return Point("Frame rate", "not-ok", f"{now:.1f} frames/s", need, step)


def _exposure(facts: Mapping[str, Any]) -> Point:
    exposure, need = facts["exposure"], "not at a limit"
    if not exposure.get("words"):
        return Point("Exposure", "not-checked", "the source does not tell its shutter and gain", need)
    if exposure.get("limit"):
        step = "clean the window; aperture, lamps and exposure.max_gain"
        return Point("Exposure", "not-ok", f"too {exposure['limit']} at {exposure['words']}", need, step)
    return Point("Exposure", "ok", exposure["words"], need)
