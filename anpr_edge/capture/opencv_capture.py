"""Opening videos, network streams and V4L2 devices through OpenCV."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

# Without TCP a lost packet smears the picture until the next key frame.
_FFMPEG_OPTIONS = "rtsp_transport;tcp"
_ERRORS_ONLY = 2
# Decoders' planar formats whose first plane is the luma.
_LUMA_FIRST = frozenset({b"I420", b"YV12", b"NV12", b"NV21", b"Y800", b"GREY"})


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`."""

    def read(self) -> tuple[bool, NDArray[np.uint8]]: ...

    def get(self, property_id: int) -> float: ...

    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CaptureWish:
    """What to open; size and rate are asked of V4L2 devices only, other sources have their own."""

    location: str
    timeout_s: float
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None


Opener = Callable[[CaptureWish], Capture | None]
"""Opens what is wished, or gives None when it cannot be opened now."""


def is_device(location: str) -> bool:
    """True for a V4L2 device such as `/dev/video0`."""
    return location.startswith("/dev/")


def is_live(location: str) -> bool:
    """True when frames keep coming whether or not anyone takes them: a URL or a device."""
    return "://" in location or is_device(location)


def shown(location: str) -> str:
    """The location as it may be logged: without the user name and password of a URL."""
    if "://" not in location:
        return location
    try:
        parts = urlsplit(location)
    except ValueError:
        return location.partition("://")[0] + "://…"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def open_capture(wish: CaptureWish) -> Capture | None:
    """The real opener: FFmpeg for files and streams (RTSP over TCP), V4L2 for devices."""
    _quieten()
    capture = _open_device(wish) if is_device(wish.location) else _open_ffmpeg(wish)
    if not capture.isOpened():
        capture.release()
        return None
    return cast(Capture, capture)


def _quieten() -> None:
    """Have OpenCV print errors only: it would warn of every frame whose luma is taken as it is."""
    settings: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved it there
    settings.setLogLevel(_ERRORS_ONLY)


def _open_ffmpeg(wish: CaptureWish) -> cv2.VideoCapture:
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", _FFMPEG_OPTIONS)
    timeout_ms = round(wish.timeout_s * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, timeout_ms]
    capture = cv2.VideoCapture(wish.location, cv2.CAP_FFMPEG, limits)
    if capture.isOpened() and _codec_format(capture) in _LUMA_FIRST:
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
    return capture


def _codec_format(capture: cv2.VideoCapture) -> bytes:
    """The decoder's pixel format as four characters."""
    code = int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT))
    return (code & 0xFFFFFFFF).to_bytes(4, "little")


def _open_device(wish: CaptureWish) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(wish.location, cv2.CAP_V4L2)
    asked = {
        cv2.CAP_PROP_FRAME_WIDTH: wish.width,
        cv2.CAP_PROP_FRAME_HEIGHT: wish.height,
        cv2.CAP_PROP_FPS: wish.frame_rate,
    }
    for property_id, value in asked.items():
        if value is not None:
            capture.set(property_id, value)
    return capture
