"""From NMEA 0183 sentences to a fix. Pure: bytes and instants in, a `Fix` out.

A sentence counts only with a good checksum. A position that the receiver estimated, was told or
simulated is no fix.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, Literal

import pynmea2

from anpr_edge.records import Fix, Instant

LONGEST_SENTENCE = 256
"""Bytes; the standard says 82, receivers' own sentences are longer."""

SATELLITE_QUALITIES = range(1, 6)
"""GGA quality 1 to 5; 6 is estimated, 7 typed in, 8 simulated. Source: NMEA 0183, sentence GGA."""

_COORDINATE = re.compile(r"(\d{1,3})([0-5]\d\.\d{1,9})", re.ASCII)

UNKNOWN = Fix(0, None, None, None, None)


class SentenceBuffer:
    """Cuts a byte stream into sentences, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        """The sentences that `data` completes. An endless line is thrown away."""
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= LONGEST_SENTENCE else b""
        return [line.strip() for line in whole if line.strip()]


class FixBuilder:
    """Keeps the fix that the sentences so far add up to, as `fix`."""

    def __init__(self) -> None:
        self.fix = UNKNOWN
        self._dimensions: Literal[2, 3] = 2
        self._eph_m: float | None = None

    def feed(self, sentence: bytes, taken: Instant) -> bool:
        """Take one sentence; False when it is damaged or of no use here."""
        if len(sentence) > LONGEST_SENTENCE:
            return False
        try:
            message = pynmea2.parse(sentence.decode("ascii"), check=True)
            return self._take(message, taken)
        except (ValueError, TypeError, AttributeError):
            return False

    def _take(self, message: Any, taken: Instant) -> bool:
        kind = getattr(message, "sentence_type", "")
        if kind == "GGA":
            self._place(message, message.gps_qual in SATELLITE_QUALITIES, taken)
        elif kind == "RMC":
            self._place(message, message.status == "A", taken)
        elif kind == "GSA":
            self._solve(str(message.mode_fix_type), taken)
        elif kind == "GST":
            self._eph_m = _length_m(float(message.std_dev_latitude), float(message.std_dev_longitude))
        else:
            return False
        return True

    def _place(self, message: Any, valid: bool, taken: Instant) -> None:
        if not valid:
            self._dimensions = 2
            self._eph_m = None
            self._lose(taken)
            return
        lat_deg, lon_deg = _degrees(message.lat, message.lat_dir), _degrees(message.lon, message.lon_dir)
        if abs(lat_deg) > 90 or abs(lon_deg) > 180:
            raise ValueError("no place on Earth")
        self.fix = Fix(self._dimensions, lat_deg, lon_deg, self._eph_m, taken)

    def _solve(self, mode: str, taken: Instant) -> None:
        """GSA adds the dimensions. One constellation without a solution does not undo another's."""
        if mode in ("2", "3"):
            self._dimensions = 3 if mode == "3" else 2
        if self.fix.lat_deg is None:
            self._lose(taken)
        else:
            self.fix = replace(self.fix, mode=self._dimensions)

    def _lose(self, taken: Instant) -> None:
        self.fix = Fix(1, None, None, None, taken)


def _degrees(value: str, hemisphere: str) -> float:
    """`4807.038`, `N` → 48.1173. An empty value is an error, never 0; so is one with a sign."""
    found = _COORDINATE.fullmatch(value)
    if found is None or hemisphere not in ("N", "S", "E", "W"):
        raise ValueError("not a coordinate")
    degrees = int(found[1]) + float(found[2]) / 60
    return -degrees if hemisphere in ("S", "W") else degrees


def _length_m(north_m: float, east_m: float) -> float | None:
    length_m = math.hypot(north_m, east_m)
    return length_m if math.isfinite(length_m) else None
