"""What every frame source promises, whatever is behind it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from anpr_edge.capture.images import ImageFolder
from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.capture.video import VideoStream
from anpr_edge.records import Frame
from anpr_edge.seams import Clock, FrameSource
from tests.exposed_road import ExposedRoad
from tests.fakes import FakeClock

Maker = Callable[[Path, Clock], FrameSource]


class ListSource:
    """The fake: frames from a list of pictures."""

    def __init__(self, clock: Clock, greys: list[int]) -> None:
        self._clock = clock
        self._greys = greys
        self._at = 0

    def read(self) -> Frame | None:
        if self._at >= len(self._greys):
            return None
        frame = Frame(self._at, self._clock.now(), np.full((48, 64), self._greys[self._at], np.uint8))
        self._at += 1
        return frame

    def close(self) -> None:
        self._at = len(self._greys)


def a_list(_: Path, clock: Clock) -> FrameSource:
    return ListSource(clock, [10, 20, 30])


def pictures(folder: Path, clock: Clock) -> FrameSource:
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((48, 64, 3), 60 * number, np.uint8))
    return ImageFolder(clock, [folder])


def video(folder: Path, clock: Clock, paced: bool = True) -> FrameSource:
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for number in range(4):
        writer.write(np.full((48, 64, 3), 50 * number, np.uint8))
    writer.release()
    return VideoStream(clock, path, paced=paced)


def unpaced_video(folder: Path, clock: Clock) -> FrameSource:
    return video(folder, clock, paced=False)


def road(_: Path, clock: Clock) -> FrameSource:
    return SyntheticRoad(clock, width=320, height=180, vehicles=1)


def unpaced_road(_: Path, clock: Clock) -> FrameSource:
    return SyntheticRoad(clock, width=320, height=180, vehicles=1, paced=False)


def exposed_road(_: Path, clock: Clock) -> FrameSource:
    return ExposedRoad(frames=4)


@pytest.fixture(params=[a_list, pictures, video, unpaced_video, road, unpaced_road, exposed_road])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> FrameSource:
    make: Maker = request.param
    return make(tmp_path, FakeClock())


def test_frames_are_grey_pictures_of_eight_bits(source: FrameSource) -> None:
    frame = source.read()

    assert frame is not None
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.ndim == 2
    assert frame.pixels.flags["C_CONTIGUOUS"]


def test_numbers_rise_from_zero_and_time_never_falls(source: FrameSource) -> None:
    frames = list(iter(source.read, None))

    assert len(frames) >= 3
    assert frames[0].seq == 0
    assert all(earlier.seq < later.seq for earlier, later in pairwise(frames))
    assert all(earlier.taken.mono_ns <= later.taken.mono_ns for earlier, later in pairwise(frames))
    assert all(earlier.taken.utc_ns <= later.taken.utc_ns for earlier, later in pairwise(frames))


def test_a_frame_stays_as_it_was_when_the_next_is_read(source: FrameSource) -> None:
    first = source.read()
    assert first is not None
    kept = first.pixels.copy()
    source.read()

    assert np.array_equal(first.pixels, kept)


def test_after_the_end_there_is_nothing_for_ever(source: FrameSource) -> None:
    for _ in iter(source.read, None):
        pass

    assert [source.read() for _ in range(3)] == [None] * 3


def test_closing_ends_it_and_closing_twice_is_harmless(source: FrameSource) -> None:
    source.read()
    source.close()
    source.close()

    assert source.read() is None


def test_closing_before_the_first_frame_is_harmless(source: FrameSource) -> None:
    source.close()

    assert source.read() is None
