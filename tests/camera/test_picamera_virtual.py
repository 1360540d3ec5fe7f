"""The Pi camera's adapter on a real libcamera: frames, time stamps, stalls, and a clean end."""

from __future__ import annotations

from itertools import pairwise
from threading import Thread

import numpy as np
import pytest

from anpr_edge.errors import ConfigError, SourceStalled, SourceUnavailable
from anpr_edge.records import Exposure
from tests.camera.conftest import MakeCamera
from tests.fakes import FakeClock

CLOCK = FakeClock()

pytestmark = pytest.mark.timeout(60)


def test_frames_are_the_luma_of_what_the_camera_sees(make_camera: MakeCamera) -> None:
    camera = make_camera(CLOCK)
    frame = camera.read()
    camera.close()

    left, right = (float(frame.pixels[100:600, side].mean()) for side in (slice(0, 64), slice(-64, None)))
    assert frame.pixels.shape == (720, 1280)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags["C_CONTIGUOUS"]
    assert abs(left - right) > 180
    assert float(np.abs(np.diff(frame.pixels[300].astype(int))).max()) < 16


def test_buffers_go_back_so_that_frames_never_run_out(make_camera: MakeCamera) -> None:
    clock = FakeClock()
    clock.advance(100)
    camera = make_camera(clock)
    frames = []
    for _ in range(100):
        clock.advance(1 / 30)
        frames.append(camera.read())
    camera.close()

    assert [frame.seq for frame in frames] == list(range(100))
    assert len({frame.taken.mono_ns for frame in frames}) > 90
    assert all(a.taken.mono_ns <= b.taken.mono_ns for a, b in pairwise(frames))


def test_a_camera_without_frames_is_noticed_and_may_come_back(make_camera: MakeCamera) -> None:
    camera = make_camera(CLOCK, stall_after_s=0.5)
    kept = [camera._camera.capture_request() for _ in range(4)]  # all its buffers
    for _ in range(2):
        with pytest.raises(SourceStalled, match=r"no frame for 0\.5 s"):
            camera.read()
    for request in kept:
        request.release()

    assert [camera.read().seq for _ in range(10)] == list(range(10))
    camera.close()


def test_another_exposure_while_it_runs_costs_no_frame(make_camera: MakeCamera) -> None:
    camera = make_camera(CLOCK)
    seen = []
    for number in range(40):
        asking = Thread(target=camera.expose, args=(Exposure(100.0 + number, 1.0 + number % 4, 1.0),))
        asking.start()
        asking.join()
        seen.append(camera.read().seq)
    camera.close()
    camera.expose(Exposure(200.0, 1.0, 1.0))

    assert seen == list(range(40))
    assert camera.read() is None


def test_closing_a_camera_without_frames_ends(make_camera: MakeCamera) -> None:
    camera = make_camera(CLOCK, stall_after_s=0.5)
    kept = [camera._camera.capture_request() for _ in range(4)]
    with pytest.raises(SourceStalled):
        camera.read()
    camera.close()

    assert camera.read() is None
    assert len(kept) == 4


def test_frames_are_dated_back_to_when_the_sensor_saw_them(make_camera: MakeCamera) -> None:
    clock = FakeClock()
    clock.advance(100)
    camera = make_camera(clock)
    age_ns = clock.now().mono_ns - camera.read().taken.mono_ns
    camera.close()

    assert 0 < age_ns < 1e9


def test_closing_twice_is_harmless_and_the_camera_can_be_opened_again(make_camera: MakeCamera) -> None:
    for _ in range(2):
        camera = make_camera(CLOCK)
        assert camera.read() is not None
        camera.close()
        camera.close()
        assert camera.read() is None


def test_a_rate_the_sensor_cannot_hold_is_refused_and_frees_the_camera(make_camera: MakeCamera) -> None:
    with pytest.raises(ConfigError, match="FrameDurationLimits"):
        make_camera(CLOCK, frame_rate=60)

    camera = make_camera(CLOCK)
    assert camera.read() is not None
    camera.close()


def test_a_camera_that_is_not_there_is_named(make_camera: MakeCamera) -> None:
    with pytest.raises(SourceUnavailable, match="camera 7"):
        make_camera(CLOCK, camera_num=7)
