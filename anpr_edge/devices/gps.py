"""Where the unit is: a GPS receiver on a serial line, or the surveyed site."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import serial

from anpr_edge.devices.nmea import UNKNOWN, FixBuilder, SentenceBuffer
from anpr_edge.errors import reason
from anpr_edge.records import Fix
from anpr_edge.seams import Clock

RETRY_S = 2.0
CLOSE_WITHIN_S = 2.0
SILENT_AFTER_S = 5.0
"""Receivers report once a second; five missed reports mean the last one tells nothing any more."""

_POLL_S = 0.5
_log = logging.getLogger(__name__)


class FixedSite:
    """A Positioner that knows the surveyed position, or that there is none."""

    def __init__(self, lat_deg: float | None, lon_deg: float | None) -> None:
        known = lat_deg is not None and lon_deg is not None
        self._fix = Fix(3, lat_deg, lon_deg, None, None) if known else None

    def fix(self) -> Fix | None:
        return self._fix

    def close(self) -> None:
        """Nothing to release."""


class SerialGps:
    """A Positioner fed by a receiver that sends NMEA sentences.

    A thread of its own keeps the latest fix. While the receiver is unplugged `fix` is None and the line
    is opened again every `retry_s`; when it is there but silent, the fix is of mode 0.
    """

    def __init__(self, device: Path, baud: int, clock: Clock, *, retry_s: float = RETRY_S) -> None:
        self._device = device
        self._baud = baud
        self._clock = clock
        self._retry_s = retry_s
        self._latest: Fix | None = None
        self.on_turn: Callable[[], None] = lambda: None
        """Called each time the thread has gone round: at least every `retry_s`, while nothing hangs."""

        self._stop = Event()
        self._thread = Thread(target=self._run, name="gps", daemon=True)
        self._thread.start()

    def fix(self) -> Fix | None:
        latest = self._latest
        if latest is None or latest.taken is None:
            return latest
        age_ns = self._clock.now().mono_ns - latest.taken.mono_ns
        return UNKNOWN if age_ns > SILENT_AFTER_S * 1e9 else latest

    def close(self) -> None:
        """Stop listening; harmless when called twice. A line that hangs is left behind."""
        self._stop.set()
        self._thread.join(CLOSE_WITHIN_S)
        if self._thread.is_alive():
            _log.error("GPS %s: the line hangs and is left as it is", self._device)

    def _run(self) -> None:
        complained = False
        while not self._stop.is_set():
            self.on_turn()
            try:
                with serial.Serial(str(self._device), self._baud, timeout=_POLL_S) as line:
                    complained = False
                    self._listen(line)
            except (OSError, ValueError) as error:  # SerialException is an OSError
                if not complained:
                    again_s = self._retry_s
                    _log.warning("GPS %s: %s; trying again every %g s", self._device, reason(error), again_s)
                complained = True
            self._latest = None
            self._stop.wait(self._retry_s)

    def _listen(self, line: serial.Serial) -> None:
        sentences, builder = SentenceBuffer(), FixBuilder()
        self._latest = builder.fix
        while not self._stop.is_set():
            self.on_turn()
            for sentence in sentences.take(line.read(max(1, line.in_waiting))):
                builder.feed(sentence, self._clock.now())
                self._latest = builder.fix
