"""The Pi camera's arithmetic: exposure limits, buffer layout and time stamps."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.capture.camera_controls import (
    LUMA_FIRST_FORMATS,
    fixed_exposure,
    luma_plane,
    nearest,
    supported,
    taken_at,
)
from anpr_edge.capture.picamera import Picamera
from anpr_edge.errors import ConfigError, SourceUnavailable
from anpr_edge.records import Exposure, Instant
from tests.fakes import FakeClock

NOW = Instant(utc_ns=1_790_000_000_000_000_000, mono_ns=80_000_000_000, utc_error_ms=2.0)


def test_shutter_gain_and_rate_are_held() -> None:
    assert fixed_exposure(30.0, 500, 4) == {
        "AeEnable": False,
        "AwbEnable": False,
        "ExposureTime": 500,
        "AnalogueGain": 4.0,
        "FrameDurationLimits": (33333, 33333),
    }


def test_a_shutter_as_long_as_the_frame_is_allowed_and_no_longer() -> None:
    assert fixed_exposure(30.0, 33333, 1)["ExposureTime"] == 33333
    with pytest.raises(ConfigError, match=r"shutter_us is 33334, must be 20 to 33333 at 30 frames/s"):
        fixed_exposure(30.0, 33334, 1)


@pytest.mark.parametrize(
    ("rate", "shutter", "gain"), [(0, 500, 1), (-5, 500, 1), (30, 19, 1), (30, 500, 0.5)]
)
def test_impossible_exposures_are_refused(rate: float, shutter: int, gain: float) -> None:
    with pytest.raises(ConfigError, match=r"camera\."):
        fixed_exposure(rate, shutter, gain)


def test_controls_the_camera_lacks_are_named_and_left_out() -> None:
    wanted = {"AwbEnable": False, "ExposureTime": 500}

    assert supported(wanted, {"ExposureTime": (1, 66666, 1000)}) == ({"ExposureTime": 500}, ["AwbEnable"])


@pytest.mark.parametrize(
    ("control", "value", "limits"),
    [
        ("AnalogueGain", 17.0, (1.0, 16.0, 1.0)),
        ("ExposureTime", 20, (29, 15534385, 20000)),
        ("FrameDurationLimits", (8333, 8333), (16562, 15534444, 33333)),
        ("FrameDurationLimits", (8333, 8333), ((16562, 16562), (15534444, 15534444), (33333, 33333))),
    ],
)
def test_values_beyond_the_cameras_own_limits_are_refused(
    control: str, value: object, limits: tuple[object, object, object]
) -> None:
    with pytest.raises(ConfigError, match=control):
        supported({control: value}, {control: limits})


def test_values_within_the_cameras_limits_pass() -> None:
    wanted = fixed_exposure(60.0, 500, 4)
    advertised = {
        "AeEnable": (False, True, True),
        "ExposureTime": (29, 15534385, 20000),
        "AnalogueGain": (1.0, 16.0, None),
        "FrameDurationLimits": (16562, 15534444, 33333),
    }

    assert supported(wanted, advertised)[1] == ["AwbEnable"]


@given(
    width=st.integers(16, 70), height=st.integers(16, 40), padding=st.integers(0, 64), tail=st.integers(0, 99)
)
def test_the_luma_plane_leaves_padding_and_chroma_behind(
    width: int, height: int, padding: int, tail: int
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    rows = np.pad(picture, ((0, 0), (0, padding)), constant_values=255)
    buffer = np.concatenate([rows.ravel(), np.full(tail, 128, np.uint8)])

    plane = luma_plane(buffer, width=width, height=height, stride=width + padding, pixel_format="NV12")

    assert np.array_equal(plane, picture)
    assert plane.flags["C_CONTIGUOUS"]
    assert not np.shares_memory(plane, buffer)


def test_a_short_buffer_is_refused() -> None:
    with pytest.raises(SourceUnavailable, match="too small for 32x10 at stride 64"):
        luma_plane(np.zeros(639, np.uint8), width=32, height=10, stride=64, pixel_format="YUV420")


def test_a_format_that_does_not_begin_with_luma_is_refused() -> None:
    assert "XBGR8888" not in LUMA_FIRST_FORMATS
    with pytest.raises(SourceUnavailable, match="XBGR8888"):
        luma_plane(np.zeros(4096, np.uint8), width=32, height=10, stride=128, pixel_format="XBGR8888")


def test_a_frame_is_dated_back_by_its_age() -> None:
    taken = taken_at(sensor_ns=500_000_000, boot_ns=540_000_000, now=NOW)

    assert taken == Instant(NOW.utc_ns - 40_000_000, NOW.mono_ns - 40_000_000, 2.0)


@pytest.mark.parametrize("sensor_ns", [None, 541_000_000, -60_000_000_000])
def test_a_missing_or_impossible_time_stamp_counts_as_now(sensor_ns: int | None) -> None:
    assert taken_at(sensor_ns, 540_000_000, NOW) == NOW


def test_time_never_runs_backwards_between_frames() -> None:
    earlier = NOW.mono_ns - 10_000_000

    assert taken_at(500_000_000, 540_000_000, NOW, after_ns=earlier).mono_ns == earlier


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed here")
def test_without_picamera2_the_hint_says_what_to_install() -> None:
    with pytest.raises(SourceUnavailable, match="picamera2") as refused:
        Picamera(FakeClock())

    assert "python3-picamera2" in refused.value.hint


@pytest.mark.parametrize(
    ("wanted", "controls"),
    [
        (Exposure(200.4, 2.5, 1.0), {"ExposureTime": 200, "AnalogueGain": 2.5}),
        (Exposure(3.0, 0.1, 1.0), {"ExposureTime": 29, "AnalogueGain": 1.0}),
        (Exposure(9e9, 99.0, 1.0), {"ExposureTime": 66666, "AnalogueGain": 16.0}),
    ],
)
def test_another_exposure_is_set_as_near_as_the_camera_can(
    wanted: Exposure, controls: dict[str, float]
) -> None:
    advertised = {"ExposureTime": (29, 66666, None), "AnalogueGain": (1.0, 16.0, None), "AeEnable": (0, 1, 1)}
    made = nearest(wanted, advertised)
    assert made == controls
    assert isinstance(made["ExposureTime"], int)


def test_a_camera_without_these_controls_is_left_alone() -> None:
    assert nearest(Exposure(200, 2, 1), {"FrameDurationLimits": (1, 2, None)}) == {}
    assert nearest(Exposure(200, 2, 1), {"AnalogueGain": (None, None, None)}) == {"AnalogueGain": 2}
