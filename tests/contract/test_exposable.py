"""What every source promises whose exposure can be set. The Pi camera's part is in tests/camera."""

from __future__ import annotations

from typing import Protocol

import pytest

from anpr_edge.capture.images import ImageFolder
from anpr_edge.capture.picamera import Picamera
from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.capture.video import VideoStream
from anpr_edge.records import Exposure, Frame
from anpr_edge.seams import Exposable, FrameSource
from tests.exposed_road import NOON, ExposedRoad

WITHIN_FRAMES = 10


class Source(FrameSource, Exposable, Protocol):
    """A frame source whose exposure can be set."""


@pytest.fixture
def source() -> Source:
    return ExposedRoad(NOON, headway_s=None)


def later(source: Source) -> Frame:
    """A frame that is not under way yet."""
    frames = [source.read() for _ in range(WITHIN_FRAMES)]
    assert frames[-1] is not None
    return frames[-1]


def test_later_frames_are_taken_with_it_and_say_so(source: Source) -> None:
    source.expose(Exposure(100.0, 2.0, 0.0))
    frame = later(source)
    assert (frame.exposure_us, frame.gain) == (100.0, 2.0)


def test_twice_the_light_is_about_twice_the_grey(source: Source) -> None:
    greys = []
    for shutter_us, gain in ((100.0, 1.0), (200.0, 1.0), (100.0, 2.0)):
        source.expose(Exposure(shutter_us, gain, 0.0))
        greys.append(float(later(source).pixels.mean()))
    assert greys[1] == pytest.approx(2 * greys[0], rel=0.1)
    assert greys[2] == pytest.approx(2 * greys[0], rel=0.1)


def test_more_light_than_the_sensor_holds_is_white(source: Source) -> None:
    source.expose(Exposure(30_000.0, 16.0, 0.0))
    assert later(source).pixels.mean() > 250


def test_the_last_of_several_counts(source: Source) -> None:
    for shutter_us in (900.0, 50.0, 300.0):
        source.expose(Exposure(shutter_us, 1.0, 0.0))
    assert later(source).exposure_us == 300.0


def test_after_the_end_it_is_harmless(source: Source) -> None:
    source.close()
    source.expose(Exposure(100.0, 1.0, 0.0))
    assert source.read() is None


def test_of_our_sources_the_camera_alone_has_a_shutter() -> None:
    kinds = (Picamera, VideoStream, ImageFolder, SyntheticRoad)
    assert [isinstance(kind.__new__(kind), Exposable) for kind in kinds] == [True, False, False, False]
