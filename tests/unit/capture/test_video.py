"""Files play to their end; live sources are opened again, within their limit and no longer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.capture.opencv_capture import CaptureWish, is_live, open_capture, shown
from anpr_edge.capture.video import VideoStream
from anpr_edge.errors import SourceStalled, SourceUnavailable
from tests.fakes import FakeClock

STREAM = "rtsp://operator:hunter2@camera.example/live?token=abc"


class ScriptedCapture:
    """A capture that gives so many frames of one grey and then none."""

    def __init__(self, frames: int, grey: int = 90) -> None:
        self._left = frames
        self._grey = grey
        self.released = False

    def read(self) -> tuple[bool, NDArray[np.uint8]]:
        self._left -= 1
        return self._left >= 0, np.full((24, 32, 3), self._grey, np.uint8)

    def get(self, property_id: int) -> float:
        return 0.0

    def release(self) -> None:
        self.released = True


class ScriptedOpener:
    """Opens one scripted capture after another; None stands for a failed attempt."""

    def __init__(self, captures: Iterable[ScriptedCapture | None]) -> None:
        self._captures = iter(captures)
        self.wishes: list[CaptureWish] = []

    def __call__(self, wish: CaptureWish) -> ScriptedCapture | None:
        self.wishes.append(wish)
        return next(self._captures, None)


def write_video(
    path: Path, greys: Iterable[int], codec: str = "MJPG", size: tuple[int, int] = (64, 48)
) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 20, size)
    for grey in greys:
        picture = np.full((size[1], size[0], 3), grey, np.uint8)
        picture[: size[1] // 2] = 20
        writer.write(picture)
    writer.release()
    return path


@pytest.mark.parametrize(
    ("name", "codec", "black"),  # most codecs keep luma between 16 and 235
    [("clip.avi", "MJPG", 20), ("clip.mp4", "mp4v", 33), ("clip2.avi", "FFV1", 20)],
)
def test_a_file_plays_to_its_end(tmp_path: Path, name: str, codec: str, black: int) -> None:
    clock = FakeClock()
    video = VideoStream(clock, write_video(tmp_path / name, [60, 120, 180], codec))
    frames = list(iter(video.read, None))

    assert [int(frame.pixels[40, 20]) for frame in frames] == pytest.approx([60, 120, 180], abs=12)
    assert [int(frame.pixels[5, 20]) for frame in frames] == pytest.approx([black] * 3, abs=4)
    assert [frame.taken.mono_ns for frame in frames] == [0, 50_000_000, 100_000_000]


def test_luma_planes_of_any_width_come_out_straight(tmp_path: Path) -> None:
    video = VideoStream(FakeClock(), write_video(tmp_path / "odd.mp4", [200] * 2, "mp4v", (66, 50)))
    frame = video.read()

    assert frame is not None
    assert frame.pixels.shape == (50, 66)
    assert np.all(frame.pixels[:20] < 60)
    assert np.all(frame.pixels[30:] > 150)


def test_unpaced_file_takes_its_times_from_the_frame_rate(tmp_path: Path) -> None:
    clock = FakeClock()
    video = VideoStream(clock, write_video(tmp_path / "clip.avi", [1, 2, 3]), paced=False)
    taken = [frame.taken.mono_ns for frame in iter(video.read, None)]

    assert taken == [0, 50_000_000, 100_000_000]
    assert clock.now().mono_ns == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"none\.avi: no such video file"):
        VideoStream(FakeClock(), tmp_path / "none.avi")


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.avi").write_text("no video at all")

    with pytest.raises(SourceUnavailable, match=r"text\.avi: cannot be opened"):
        VideoStream(FakeClock(), tmp_path / "text.avi")


def test_a_stream_that_does_not_answer_is_unavailable_and_keeps_its_password() -> None:
    with pytest.raises(SourceUnavailable) as refused:
        VideoStream(FakeClock(), STREAM, opener=ScriptedOpener([None]))

    assert "rtsp://camera.example/live" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "token" not in str(refused.value)


def test_a_broken_stream_is_opened_again() -> None:
    first, second = ScriptedCapture(2, 50), ScriptedCapture(1, 80)
    opener = ScriptedOpener([first, None, None, second])
    clock = FakeClock()
    video = VideoStream(clock, STREAM, opener=opener)
    frames = [video.read() for _ in range(3)]

    assert [(frame.seq, int(frame.pixels[0, 0])) for frame in frames if frame] == [(0, 50), (1, 50), (2, 80)]
    assert first.released
    assert clock.now().mono_ns == 1_750_000_000  # waited 0.25, 0.5 and 1 s


def test_a_dead_stream_stalls_within_its_limit_and_may_come_back() -> None:
    opener = ScriptedOpener([ScriptedCapture(1), *[None] * 5, ScriptedCapture(1, 70)])
    clock = FakeClock()
    video = VideoStream(clock, STREAM, stall_after_s=5.0, opener=opener)
    video.read()

    with pytest.raises(SourceStalled, match=r"limit 5\.0 s"):
        video.read()
    assert clock.now().mono_ns <= 5e9
    frame = video.read()
    assert frame is not None
    assert (frame.seq, int(frame.pixels[0, 0])) == (1, 70)


def test_live_frames_are_taken_when_they_come() -> None:
    clock = FakeClock()
    video = VideoStream(
        clock, "/dev/video7", width=1280, opener=(opener := ScriptedOpener([ScriptedCapture(2)]))
    )
    video.read()
    clock.advance(0.125)
    frame = video.read()

    assert frame is not None
    assert frame.taken.mono_ns == 125_000_000
    assert opener.wishes == [CaptureWish("/dev/video7", 2.5, 1280, None, None)]


def test_closing_releases_the_capture() -> None:
    capture = ScriptedCapture(5)
    video = VideoStream(FakeClock(), STREAM, opener=ScriptedOpener([capture]))
    video.close()

    assert capture.released
    assert video.read() is None


@pytest.mark.parametrize("location", ["rtsp://127.0.0.1:9/none", "/dev/video99"])
def test_the_real_opener_gives_nothing_when_nothing_answers(location: str) -> None:
    assert open_capture(CaptureWish(location, timeout_s=1.0)) is None


@pytest.mark.parametrize(
    ("location", "live"),
    [("rtsp://a/b", True), ("http://a/b.mjpg", True), ("/dev/video0", True), ("/data/clip.mp4", False)],
)
def test_urls_and_devices_are_live(location: str, live: bool) -> None:
    assert is_live(location) is live


@pytest.mark.parametrize(
    ("location", "safe"),
    [
        ("rtsp://u:p@h:554/s?k=v#f", "rtsp://h:554/s"),
        ("rtsp://u:p%40x@[::1/s", "rtsp://…"),
        ("/data/a@b.mp4", "/data/a@b.mp4"),
    ],
)
def test_what_is_shown_holds_no_password(location: str, safe: str) -> None:
    assert shown(location) == safe
