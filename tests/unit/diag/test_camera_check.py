"""Every kind of source that is there, and each in the ways it can be missing; nothing is ever opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anpr_edge.diag.checks.camera import CHECK, picamera
from anpr_edge.diag.condition import Finding, Verdict
from tests.unit.diag.bench import Bench


def find(bench: Bench, **camera: Any) -> Finding:
    bench.camera = camera
    bench.write_config()
    return bench.find(CHECK)["camera"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A video, a folder of pictures, and what is neither."""
    (tmp_path / "road.mp4").write_bytes(b"x")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "pictures").mkdir()
    for name in ("1.png", "2.jpg", "notes.txt"):
        (tmp_path / "pictures" / name).write_bytes(b"x")
    (tmp_path / "none").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("source", "location", "words"),
    [
        ("images", "pictures", "2 pictures"),
        ("images", "pictures/1.png", "1 picture"),
        ("video", "road.mp4", "road.mp4"),
        ("video", "/dev/null", "/dev/null"),
        ("video", "rtsp://me:secret@camera.example:554/live", "camera.example:554"),
    ],
)
def test_a_source_that_is_there(bench: Bench, files: Path, source: str, location: str, words: str) -> None:
    place = location if "://" in location else str(files / location)
    finding = find(bench, source=source, location=place)
    assert finding.verdict is Verdict.OK
    assert words in finding.measured
    assert "secret" not in finding.measured


@pytest.mark.parametrize(
    ("source", "location", "words"),
    [
        ("images", "nowhere", "no such"),
        ("images", "none", "no picture"),
        ("video", "nowhere.mp4", "no such"),
        ("video", "none", "not a video file"),
        ("video", "empty.mp4", "empty"),
        ("video", "/dev/video-that-is-not-there", "no such"),
        ("video", "/dev/shm", "not a device"),
        ("video", "rtsp:///live", "without a host"),
        ("video", "rtsp://me:secret@camera.example:99999/live", "impossible port"),
    ],
)
def test_a_source_that_is_not_there(
    bench: Bench, files: Path, source: str, location: str, words: str
) -> None:
    place = location if "://" in location else str(files / location)
    finding = find(bench, source=source, location=place)
    assert finding.verdict is Verdict.FAIL
    assert words in finding.measured
    assert "secret" not in finding.measured
    assert finding.next


def test_a_rendered_road_needs_nothing(bench: Bench) -> None:
    assert bench.find(CHECK)["camera"].verdict is Verdict.OK


def test_picamera_where_it_is_not_installed(bench: Bench) -> None:
    finding = find(bench, source="picamera")
    if finding.verdict is Verdict.OK:
        pytest.skip("this machine has picamera2 and a camera")
    assert finding.verdict is Verdict.FAIL
    assert "picamera" in finding.measured


def test_picamera_without_its_parts(tmp_path: Path) -> None:
    assert "libcamera not installed" in picamera(tmp_path, ["libcamera"]).measured
    without_nodes = picamera(tmp_path, [])
    assert without_nodes.verdict is Verdict.FAIL
    assert "rpicam-hello" in without_nodes.next
    (tmp_path / "media0").touch()
    assert picamera(tmp_path, []).verdict is Verdict.OK
