"""How high the sun stands: whether it is day or night where a unit is."""

from __future__ import annotations

import math
from datetime import UTC, datetime

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def elevation_deg(lat_deg: float, lon_deg: float, utc: datetime) -> float:
    """The sun's height above the horizon, right to half a degree until 2050; refraction is left out.

    Source: The Astronomical Almanac, "Low precision formulas for the Sun's coordinates".
    """
    days = (utc - J2000).total_seconds() / 86_400
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    sidereal = math.radians(280.46062 + 360.98564737 * days + lon_deg)
    hour_angle, latitude = sidereal - ascension, math.radians(lat_deg)
    height = math.sin(latitude) * math.sin(declination)
    height += math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))
