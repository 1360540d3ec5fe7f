"""Can the configured frame source be opened, as far as can be told without taking it from the reader?"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from anpr_edge.config import Camera
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok
from anpr_edge.diag.nodes import look
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import SourceUnavailable

DEV = Path("/dev")

CAMERA = Condition(
    code="camera",
    title="The configured source of frames is there",
    severity=Severity.READS,
    explanation=(
        "Looks for what the source needs: picamera2 and a camera's device nodes, a file, a folder with "
        "pictures, an address of the right form. Nothing is opened and no address is called, so that the "
        "camera is not taken from a running reader: whether frames come is service-reader's matter."
    ),
    depends_on=("config",),
    next_step="check the camera's cable and power, and [camera] in the configuration",
)


def run(subject: Subject) -> Iterator[Finding]:
    """One look, by the kind of source."""
    yield _source(subject.config.camera)


def _source(camera: Camera) -> Finding:
    location = camera.location or ""
    if camera.source == "synthetic":
        return ok(CAMERA, "a rendered road, no camera")
    if camera.source == "picamera":
        return picamera(DEV, missing=[name for name in ("picamera2", "libcamera") if not find_spec(name)])
    if camera.source == "images":
        return _pictures(Path(location))
    return _address(location) if "://" in location else _video(Path(location))


def picamera(dev: Path, missing: list[str]) -> Finding:
    """Whether a camera on the board can be used, from the modules that are missing and the nodes in `dev`.

    Source: libcamera finds cameras through media devices, /dev/media0 and on.
    """
    if missing:
        step = "sudo apt install python3-picamera2, and a venv made with --system-site-packages"
        return fail(
            CAMERA, f"picamera: {' and '.join(missing)} not installed for this Python", next_step=step
        )
    nodes = sorted(node.name for node in dev.glob("media*"))
    if not nodes:
        step = "check the camera's cable and config.txt; rpicam-hello --list-cameras must show it"
        return fail(CAMERA, f"picamera: no {dev}/media* device", next_step=step)
    return ok(CAMERA, f"picamera2, {', '.join(nodes)}")


def _pictures(path: Path) -> Finding:
    from anpr_edge.capture.images import find_images

    step = "correct camera.location: a picture, or a folder of pictures"
    found = look(CAMERA, path, next_step=step)
    if isinstance(found, Finding):
        return found
    try:
        count = len(find_images(path))
    except (SourceUnavailable, OSError) as error:
        return fail(CAMERA, f"{path}: {getattr(error, 'strerror', None) or error}", next_step=step)
    if count == 0:
        return fail(CAMERA, f"{path}: no picture in it", next_step=step)
    return ok(CAMERA, f"{path}: {count} picture{'s' if count > 1 else ''}")


def _video(path: Path) -> Finding:
    from anpr_edge.capture.opencv_capture import is_device

    device = is_device(str(path))
    step = "v4l2-ctl --list-devices shows what is plugged in" if device else "correct camera.location"
    found = look(CAMERA, path, next_step=step)
    if isinstance(found, Finding):
        return found
    if device and not stat.S_ISCHR(found.st_mode):
        return fail(CAMERA, f"{path}: not a device", next_step=step)
    if not device and not (stat.S_ISREG(found.st_mode) and found.st_size):
        return fail(CAMERA, f"{path}: not a video file, or an empty one", next_step=step)
    return ok(CAMERA, str(path))


def _address(location: str) -> Finding:
    """An address is taken apart, and not called: many cameras serve one client at a time."""
    from anpr_edge.capture.opencv_capture import shown

    try:
        parts = urlsplit(location)
        whole = parts.port != 0 and bool(parts.hostname or parts.scheme == "file")
    except ValueError:
        return _no_address("camera.location")
    return ok(CAMERA, f"{shown(location)} (not called)") if whole else _no_address(shown(location))


def _no_address(name: str) -> Finding:
    step = "correct camera.location, for example rtsp://camera.example:554/stream"
    return fail(CAMERA, f"{name}: an address without a host, or with an impossible port", next_step=step)


CHECK = Check("camera", (CAMERA,), run)
