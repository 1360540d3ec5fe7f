"""The Raspberry Pi camera as a frame source: the luma plane as the sensor's ISP gives it.

The only module that imports picamera2, and only when a camera is opened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

from anpr_edge.capture.camera_controls import (
    LUMA_FIRST_FORMATS,
    fixed_exposure,
    luma_plane,
    nearest,
    supported,
    taken_at,
)
from anpr_edge.errors import SourceStalled, SourceUnavailable
from anpr_edge.records import Exposure, Frame
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

_BUFFERS = 4
_CLOSE_LIMIT_S = 5.0


class Picamera:
    """Frames at a fixed rate, and the shutter and gain last asked for; buffers go back to the camera at once.

    A mono or IR-sensitive sensor needs no colour: `pixel_format` is a planar one whose first plane is
    luma. `allocator` is picamera2's own argument, for systems without DMA heaps.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        width: int = 1280,
        height: int = 720,
        frame_rate: float = 30.0,
        shutter_us: int = 500,
        gain: float = 4.0,
        stall_after_s: float = 5.0,
        camera_num: int = 0,
        pixel_format: str = "YUV420",
        allocator: Any = None,
    ) -> None:
        """Open the camera and start it.

        Raises: ConfigError for a shutter, gain or rate the camera cannot hold; SourceUnavailable when
        picamera2 or the camera is missing or gives another format.
        """
        self._clock = clock
        self._stall_after_s = stall_after_s
        self._seq = 0
        self._last_mono_ns = 0
        self._job: Any = None
        self._asked: deque[Exposure] = deque(maxlen=1)
        wanted = fixed_exposure(frame_rate, shutter_us, gain)
        self._camera, self._mapped = _open_camera(camera_num, allocator)
        try:
            self._stream = self._configure((width, height), pixel_format, wanted)
            self._camera.start()
        except BaseException:
            self._camera.close()
            raise

    def read(self) -> Frame | None:
        """The next frame; None once closed.

        Raises: SourceStalled when the camera gives none for `stall_after_s`.
        """
        if self._camera is None:
            return None
        self._set_exposure()
        request = self._next_request()
        try:
            metadata = request.get_metadata()
            with self._mapped(request, "main", reshape=False, write=False) as buffer:
                pixels = luma_plane(buffer.array, **self._stream)
        finally:
            request.release()
        boot_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        taken = taken_at(metadata.get("SensorTimestamp"), boot_ns, self._clock.now(), self._last_mono_ns)
        self._last_mono_ns = taken.mono_ns
        seq, self._seq = self._seq, self._seq + 1
        return Frame(seq, taken, pixels, metadata.get("ExposureTime"), metadata.get("AnalogueGain"))

    def expose(self, exposure: Exposure) -> None:
        """Take later frames with this shutter and gain: set by the next `read`, some four frames ahead."""
        self._asked.append(exposure)

    def close(self) -> None:
        """Stop the camera and let other programs have it; a camera that hangs is left behind."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        if self._job is not None:
            camera.cancel_all_and_flush()
        closing = threading.Thread(target=camera.close, name="camera-close", daemon=True)
        closing.start()
        closing.join(_CLOSE_LIMIT_S)
        if closing.is_alive():
            log.error("the camera did not stop within %g s and is left as it is", _CLOSE_LIMIT_S)

    def _set_exposure(self) -> None:
        """Hand on what was asked for since the last frame; picamera2 sends it with its next request."""
        if self._asked:
            self._camera.set_controls(nearest(self._asked.pop(), self._camera.camera_controls))

    def _next_request(self) -> Any:
        """Wait for one completed request; after a stall the same wait goes on, so that none is lost."""
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._camera.wait(self._job, timeout=self._stall_after_s)
        except TimeoutError as error:
            raise SourceStalled(
                f"the camera gave no frame for {self._stall_after_s:g} s",
                hint="reseat the camera cable; `dmesg | grep -i -E 'unicam|rp1-cfe|imx'` shows its faults",
            ) from error
        self._job = None
        return request

    def _configure(self, size: tuple[int, int], pixel_format: str, wanted: dict[str, Any]) -> dict[str, Any]:
        """Set format, buffers and controls; gives the layout of the buffers to come."""
        main = {"size": size, "format": pixel_format}
        self._camera.configure(
            self._camera.create_video_configuration(
                main=main, raw=None, buffer_count=_BUFFERS, display=None, encode=None
            )
        )
        # Only now are the limits those of the sensor mode that was chosen.
        controls, missing = supported(wanted, self._camera.camera_controls)
        if missing:
            log.warning("the camera has no %s: left as it is", ", ".join(missing))
        self._camera.set_controls(controls)
        stream = self._camera.camera_configuration()["main"]
        if stream["format"] not in LUMA_FIRST_FORMATS:
            raise SourceUnavailable(f"the camera gives {stream['format']} where {pixel_format} was asked for")
        if tuple(stream["size"]) != size:
            log.warning("the camera gives %dx%d px, asked for %dx%d", *stream["size"], *size)
        width, height = stream["size"]
        return {
            "width": width,
            "height": height,
            "stride": stream["stride"],
            "pixel_format": stream["format"],
        }


def _open_camera(camera_num: int, allocator: Any) -> tuple[Any, Any]:
    """An open Picamera2 and the MappedArray class that goes with it."""
    try:
        from picamera2 import MappedArray, Picamera2
    except ImportError as error:
        raise SourceUnavailable(
            f"picamera2 cannot be imported: {error}",
            hint="on Raspberry Pi OS: sudo apt install python3-picamera2, and a venv made with"
            " --system-site-packages",
        ) from error
    try:
        return Picamera2(camera_num, allocator=allocator), MappedArray
    except (RuntimeError, IndexError) as error:
        raise SourceUnavailable(
            f"camera {camera_num} cannot be opened: {error}",
            hint="`rpicam-hello --list-cameras` must show it, and no other program may use it",
        ) from error
