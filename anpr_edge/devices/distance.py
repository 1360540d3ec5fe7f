"""How far a receiver is from where the unit was surveyed, and for how long it has had no fix."""

from __future__ import annotations

import math
from typing import Any, Final

from anpr_edge.records import Fix, Instant

EARTH_RADIUS_M: Final = 6_371_009.0
"""Mean radius. Source: IUGG, as given in Moritz, Geodetic Reference System 1980."""

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


def distance_m(a: Place, b: Place) -> float:
    """Metres between two places on the ground. Source: haversine formula; right to 0.6 %."""
    (lat_a, lon_a), (lat_b, lon_b) = (tuple(map(math.radians, place)) for place in (a, b))
    across = math.sin((lat_b - lat_a) / 2) ** 2
    along = math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(across + along))


class Whereabouts:
    """Says of each fix how good it is and how far from the surveyed `site`, never where it is."""

    def __init__(self, site: Place | None = None) -> None:
        self._site = site
        self._lost_ns: int | None = None

    def look(self, fix: Fix | None, now: Instant) -> dict[str, Any]:
        """The `fix` part of the reader's state: `mode`, `lost_s` without a fix, `from_site_m`, `eph_m`."""
        mode = fix.mode if fix else 0
        if mode >= 2:
            self._lost_ns = None
        elif self._lost_ns is None:
            self._lost_ns = now.mono_ns
        lost_s = None if self._lost_ns is None else round((now.mono_ns - self._lost_ns) / 1e9, 1)
        eph_m = fix.eph_m if fix else None
        return {"mode": mode, "lost_s": lost_s, "from_site_m": self._from_site_m(fix), "eph_m": eph_m}

    def _from_site_m(self, fix: Fix | None) -> float | None:
        """None without both places, and for the surveyed one itself, which was not measured."""
        if not (self._site and fix and fix.taken) or fix.lat_deg is None or fix.lon_deg is None:
            return None
        return round(distance_m(self._site, (fix.lat_deg, fix.lon_deg)), 1)
