"""A video file, a network stream or a V4L2 device as a frame source."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.luma import to_luma
from anpr_edge.capture.opencv_capture import Capture, CaptureWish, Opener, is_live, open_capture, shown
from anpr_edge.capture.pacing import Pacer
from anpr_edge.errors import SourceStalled, SourceUnavailable
from anpr_edge.records import Frame, Instant
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 2.0
_UNKNOWN_RATE = 25.0
_HIGHEST_RATE = 1000.0


class VideoStream:
    """Frames of `location`: a file ends; a URL or device is live and is opened again when it breaks.

    A file is played at its own frame rate unless `paced` is False; `width`, `height` and `frame_rate`
    are asked of V4L2 devices only. A luma plane is taken as it was coded, without a colour conversion;
    most codecs keep it between 16 and 235.
    """

    def __init__(
        self,
        clock: Clock,
        location: str | Path,
        *,
        stall_after_s: float = 5.0,
        paced: bool = True,
        width: int | None = None,
        height: int | None = None,
        frame_rate: float | None = None,
        opener: Opener = open_capture,
    ) -> None:
        """Open the source.

        Raises: SourceUnavailable when it cannot be opened now.
        """
        self._clock = clock
        self._stall_after_s = stall_after_s
        # Half the limit, so that one blocked read leaves time for one more attempt.
        self._wish = CaptureWish(str(location), stall_after_s / 2, width, height, frame_rate)
        self._name = shown(self._wish.location)
        self._live = is_live(self._wish.location)
        self._open_now = opener
        self._capture: Capture | None = self._open_first()
        self._pacer = Pacer(clock, self._file_rate(), paced=paced)
        self._seq = 0
        self._ended = False

    def read(self) -> Frame | None:
        """The next frame; None when a file has ended or the stream was closed.

        Raises: SourceStalled when a live source gave no frame for `stall_after_s`, for all the attempts
        to open it again; the next call tries anew.
        """
        if self._ended:
            return None
        picture = self._next_live() if self._live else self._grab()
        if picture is None:
            self.close()
            return None
        frame = Frame(self._seq, self._taken(), self._luma(picture))
        self._seq += 1
        return frame

    def close(self) -> None:
        """Release the device or file."""
        self._ended = True
        self._release()

    def _open_first(self) -> Capture:
        if not self._live and not Path(self._wish.location).is_file():
            raise SourceUnavailable(f"{self._name}: no such video file")
        capture = self._open_now(self._wish)
        if capture is None:
            hint = (
                "check that the address answers and the device is not in use by another program"
                if self._live
                else "is it a video, and is its codec one FFmpeg knows?"
            )
            raise SourceUnavailable(f"{self._name}: cannot be opened as a video", hint=hint)
        return capture

    def _file_rate(self) -> float:
        rate = self._capture.get(cv2.CAP_PROP_FPS) if self._capture else 0.0
        return rate if 0 < rate <= _HIGHEST_RATE else _UNKNOWN_RATE

    def _next_live(self) -> NDArray[np.uint8]:
        began_ns = self._clock.now().mono_ns
        wait_s = _FIRST_WAIT_S
        while (picture := self._grab()) is None:
            self._release()
            waited_s = (self._clock.now().mono_ns - began_ns) / 1e9
            if waited_s + wait_s > self._stall_after_s:
                raise SourceStalled(
                    f"{self._name}: no frame for {waited_s:.1f} s, limit {self._stall_after_s:.1f} s",
                    hint="check the camera's power and cable or network",
                )
            log.warning("%s: no frame, opening it again in %.2f s", self._name, wait_s)
            self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
            self._capture = self._open_now(self._wish)
        return picture

    def _grab(self) -> NDArray[np.uint8] | None:
        if self._capture is None:
            return None
        good, picture = self._capture.read()
        return picture if good else None

    def _release(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _taken(self) -> Instant:
        return self._clock.now() if self._live else self._pacer.taken(self._seq)

    def _luma(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        try:
            return to_luma(picture)
        except ValueError as error:
            raise SourceUnavailable(f"{self._name}: {error}") from error
