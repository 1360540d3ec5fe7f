"""What a Pi camera is told and what its buffers and time stamps mean: the parts that need no camera."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anpr_edge.errors import ConfigError, SourceUnavailable
from anpr_edge.records import Exposure, Instant

LUMA_FIRST_FORMATS = frozenset({"YUV420", "YVU420", "NV12", "NV21"})
"""libcamera formats whose buffer begins with the whole luma plane. Source: linux/drm_fourcc.h."""

MIN_SHUTTER_US = 20
_MAX_AGE_NS = 60_000_000_000

# libcamera's (lowest, highest, default) of each control the camera knows.
Advertised = Mapping[str, tuple[Any, Any, Any]]


def fixed_exposure(frame_rate: float, shutter_us: int, gain: float) -> dict[str, Any]:
    """libcamera controls that hold shutter, gain and frame rate where they are put.

    Raises: ConfigError when they cannot go together.
    """
    if frame_rate <= 0:
        raise ConfigError(f"camera.frame_rate is {frame_rate:g}, must be above 0")
    frame_us = round(1e6 / frame_rate)
    if not MIN_SHUTTER_US <= shutter_us <= frame_us:
        raise ConfigError(
            f"camera.shutter_us is {shutter_us}, must be {MIN_SHUTTER_US} to {frame_us}"
            f" at {frame_rate:g} frames/s",
            hint="500 µs freezes traffic at motorway speed; give more light instead of more time",
        )
    if gain < 1:
        raise ConfigError(f"camera.gain is {gain:g}, at least 1")
    return {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": shutter_us,
        "AnalogueGain": float(gain),
        "FrameDurationLimits": (frame_us, frame_us),
    }


def supported(wanted: Mapping[str, Any], advertised: Advertised) -> tuple[dict[str, Any], list[str]]:
    """The wanted controls this camera has, and the names of those it lacks.

    A monochrome sensor has no white balance, for one.

    Raises: ConfigError when the camera has a control but not that value.
    """
    known = {name: value for name, value in wanted.items() if name in advertised}
    for name, value in known.items():
        low, high = advertised[name][:2]
        values = value if isinstance(value, tuple) else (value,)
        if isinstance(value, bool) or low is None or high is None:
            continue
        if not all(_at_least(v, low) and _at_least(high, v) for v in values):
            raise ConfigError(
                f"the camera's {name} is {low} to {high}, not {value}",
                hint="change camera.shutter_us, camera.gain or camera.frame_rate",
            )
    return known, sorted(wanted.keys() - known.keys())


def nearest(wanted: Exposure, advertised: Advertised) -> dict[str, Any]:
    """libcamera controls for another shutter and gain, as near as this camera's own limits let them be.

    What the camera lacks is left out.
    """
    values = {"ExposureTime": round(wanted.shutter_us), "AnalogueGain": wanted.gain}
    return {name: _between(value, advertised[name]) for name, value in values.items() if name in advertised}


def _between(value: float, limits: tuple[Any, Any, Any]) -> float:
    low, high = (value if limit is None else limit for limit in limits[:2])
    return type(value)(min(max(value, low), high))


def _at_least(value: Any, limit: Any) -> bool:
    return bool(value >= (limit[0] if isinstance(limit, tuple) else limit))


def luma_plane(
    buffer: NDArray[np.uint8], *, width: int, height: int, stride: int, pixel_format: str
) -> NDArray[np.uint8]:
    """Copy the luma out of a camera buffer of `stride` bytes a row: uint8 (height, width), contiguous.

    Raises: SourceUnavailable when the format or the buffer's length is not what it must be.
    """
    if pixel_format not in LUMA_FIRST_FORMATS:
        raise SourceUnavailable(
            f"the camera gives {pixel_format}, need one of {', '.join(sorted(LUMA_FIRST_FORMATS))}"
        )
    flat = buffer.reshape(-1)
    if stride < width or flat.size < stride * height:
        raise SourceUnavailable(
            f"a camera buffer of {flat.size} bytes is too small for {width}x{height} at stride {stride}"
        )
    rows = flat[: stride * height].reshape(height, stride)
    return rows[:, :width].copy()


def taken_at(sensor_ns: int | None, boot_ns: int, now: Instant, after_ns: int = 0) -> Instant:
    """When a frame was taken, by the unit's clocks.

    `sensor_ns` is libcamera's SensorTimestamp and `boot_ns` the same clock (CLOCK_BOOTTIME) read
    together with `now`. The result is never before `after_ns`, the last frame's monotonic time. Without
    a time stamp, or with one from the future or older than a minute, the frame counts as taken now.
    """
    age_ns = 0 if sensor_ns is None else boot_ns - sensor_ns
    if not 0 <= age_ns <= _MAX_AGE_NS:
        age_ns = 0
    age_ns = max(0, min(age_ns, now.mono_ns - after_ns))
    return Instant(now.utc_ns - age_ns, now.mono_ns - age_ns, now.utc_error_ms)
