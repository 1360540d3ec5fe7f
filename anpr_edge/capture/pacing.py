"""When the frames of a recording count as taken."""

from __future__ import annotations

from anpr_edge.records import Instant
from anpr_edge.seams import Clock


class Pacer:
    """Gives numbered frames the times a camera would have given them.

    Paced, each frame waits on the clock until it is due; a late one goes out at once. Not paced, nothing
    waits and times follow from the frame number alone.
    """

    def __init__(self, clock: Clock, frame_rate: float, *, paced: bool) -> None:
        self._clock = clock
        self._frame_rate = frame_rate
        self._paced = paced
        self._began: Instant | None = None

    def taken(self, seq: int) -> Instant:
        """The instant of frame `seq`; the first call sets the beginning."""
        now = self._clock.now()
        if self._began is None:
            self._began = now
        offset_ns = round(seq * 1e9 / self._frame_rate)
        if not self._paced:
            began = self._began
            return Instant(began.utc_ns + offset_ns, began.mono_ns + offset_ns, began.utc_error_ms)
        early_ns = self._began.mono_ns + offset_ns - now.mono_ns
        if early_ns <= 0:
            return now
        self._clock.sleep(early_ns / 1e9)
        return self._clock.now()
