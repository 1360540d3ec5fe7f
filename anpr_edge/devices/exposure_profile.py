"""Which shutter, gain and lamp level make a wanted amount of light, by day and by night."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anpr_edge.records import Exposure

SHUTTER_MIN_US = 30.0
"""The shortest exposure of the sensor. Source: IMX296, as in hw/README.md."""
BLUR_PER_KM_H_S = 11.0
"""Source: Milestone, LPR guide, "Lens and shutter speed": at most 1 / (11 × km/h) s."""
SHARP_SHARE = 0.25
"""Lamps are dimmed only when a quarter of the longest shutter is enough: blur is no matter any more."""
LEAST_LAMP_SHARE = 0.125


def longest_shutter_us(speed_limit_km_h: float, frame_rate: float) -> float:
    """The longest exposure that keeps a plate sharp and fits into a frame: 804 µs at 113 km/h."""
    return min(1e6 / (BLUR_PER_KM_H_S * speed_limit_km_h), 1e6 / frame_rate)


@dataclass(frozen=True, slots=True)
class Profile:
    """By day the sun lights plates and the shutter rules; by night the lamps do, and can be dimmed.

    An amount of light is shutter (µs) × gain × the share of this profile's full `lamp_level`.
    """

    name: Literal["day", "night"]
    shutter_max_us: float
    max_gain: float
    lamp_level: float
    least_lamp_share: float = 1.0

    @property
    def least_light(self) -> float:
        return min(SHUTTER_MIN_US, self.shutter_max_us) * self.least_lamp_share

    @property
    def most_light(self) -> float:
        return self.shutter_max_us * self.max_gain

    @property
    def undimmed_light(self) -> float:
        """From here on up the lamps shine at their full level."""
        return SHARP_SHARE * self.shutter_max_us

    @property
    def dimmed_light(self) -> float:
        """From here on down they are as low as they go."""
        return self.undimmed_light * self.least_lamp_share

    def within(self, light: float) -> float:
        """The nearest amount of light this profile can make."""
        return min(max(light, self.least_light), self.most_light)

    def lamp_share(self, light: float) -> float:
        """The share of its full level that the lamps are at for this amount of light."""
        return min(max(light / self.undimmed_light, self.least_lamp_share), 1.0)

    def exposure(self, light: float) -> Exposure:
        """Settings for an amount of light: first a short shutter, then lamps, then blur, then noise."""
        light = self.within(light)
        lamp_share = self.lamp_share(light)
        shutter_us = min(light / lamp_share, self.shutter_max_us)
        gain = max(1.0, light / (lamp_share * shutter_us))
        return Exposure(shutter_us, gain, lamp_share * self.lamp_level)


def day_and_night(
    *,
    shutter_max_us: float,
    max_gain: float,
    day_lamp_level: float = 0.0,
    night_lamp_level: float = 0.0,
) -> tuple[Profile, Profile]:
    """Both profiles of a unit; `night_lamp_level` 0 is a unit whose lamps are not its own."""
    least = LEAST_LAMP_SHARE if night_lamp_level > 0 else 1.0
    day = Profile("day", shutter_max_us, max_gain, min(day_lamp_level, night_lamp_level))
    return day, Profile("night", shutter_max_us, max_gain, night_lamp_level, least)
