"""Under which light and weather a road is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anpr_edge.capture.render.scene import lamp_light


@dataclass(frozen=True, slots=True)
class Condition:
    """Light, weather, and how the camera answers to them.

    `lamp` is the share of the unit's own light that counts, `ambient` the light that falls everywhere
    alike, both with the lamp in the middle of the read zone as 1. A plate sends lamp light back far more
    strongly than daylight: `plate_shine` makes up for it. `headlamps` dims or brightens other lamps.
    `veil` is the share of contrast lost to `veil_grey`; `rain` how many streaks fall through the picture,
    1 a downpour; `wet` the share of a lamp's light that the road mirrors.
    """

    name: str
    lamp: float = 1.0
    ambient: float = 0.0
    plate_shine: float = 1.0
    headlamps: float = 1.0
    shutter_s: float = 1 / 1500
    gain: float = 2.0
    veil: float = 0.0
    veil_grey: float = 0.0
    rain: float = 0.0
    wet: float = 0.0

    def light_at(self, distance_m: float) -> float:
        """How brightly something at this distance from the lens is lit."""
        return self.lamp * lamp_light(distance_m) + self.ambient


IR_NIGHT: Final = Condition("ir-night")
DAY: Final = Condition(
    "day", lamp=0.1, ambient=2.4, plate_shine=0.4, headlamps=0.35, shutter_s=1 / 4000, gain=1.0
)
DUSK: Final = Condition("dusk", lamp=0.65, ambient=0.55, plate_shine=0.8, headlamps=0.8, gain=4.0)
RAIN: Final = Condition(
    "rain", lamp=0.8, ambient=0.1, plate_shine=0.9, gain=4.0, veil=0.28, veil_grey=52.0, rain=0.7, wet=0.45
)
CONDITIONS: Final = (DAY, DUSK, IR_NIGHT, RAIN)
"""All of them. Source of their figures: our own judgement, looking at what they render."""
