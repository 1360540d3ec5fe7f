"""From how near one may look into infrared lamps: the exposure limits of the eye, and a lamp held to them.

Worked out on the safe side, to choose and to mount lamps by; it does not replace the class that their maker
states. Infrared has no blink to protect the eye, so a stare of any length has to be safe.

Source: IEC 62471:2006, 4.3.6 (retina, weak visual stimulus), 4.3.7 (cornea and lens) and 4.2.2 (angular
subtense), after the ICNIRP guidelines of 1997; those of 2013 (Health Physics 105(1):74) have 6300 for 6000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

CORNEA_W_M2: Final = 100.0
"""Irradiance of the eye from 780 nm on, for longer than 1,000 s."""
RETINA_W_M2_SR: Final = 6000.0
"""Weighted radiance times angular subtense in radians, for longer than 10 s."""
LEAST_SUBTENSE: Final = 0.011
MOST_SUBTENSE: Final = 0.1
"""In radians: smaller images are smeared by the eye's movements, larger ones do not heat the retina more."""
WAVELENGTHS_NM: Final = (780.0, 1050.0)


@dataclass(frozen=True, slots=True)
class Lamp:
    """Lamps at full level: `intensity_w_sr` of all together, along the axis.

    `emitter_mm` is how wide one emitter looks (its lens, if it has one), `across_mm` how wide all of them.
    """

    wavelength_nm: float
    intensity_w_sr: float
    emitters: int
    emitter_mm: float
    across_mm: float

    def __post_init__(self) -> None:
        low, high = WAVELENGTHS_NM
        if not low <= self.wavelength_nm <= high:
            raise ValueError(f"{self.wavelength_nm:g} nm: these limits hold from {low:g} to {high:g} nm")
        if self.emitters < 1 or not 0 < self.emitter_mm <= self.across_mm:
            raise ValueError("a lamp has an emitter or more, none wider than all of them")

    @property
    def radiance_w_m2_sr(self) -> float:
        """How bright one emitter is, weighted by what its wavelength does to the retina.

        The dark between emitters is not averaged in, as the standard would allow.
        """
        area_m2 = math.pi / 4 * (self.emitter_mm / 1000) ** 2
        return self.intensity_w_sr / self.emitters / area_m2 * burn_weight(self.wavelength_nm)

    def irradiance_w_m2(self, distance_m: float) -> float:
        """What arrives at the eye from so far away."""
        return self.intensity_w_sr / distance_m**2

    @property
    def cornea_from_m(self) -> float:
        """From here on the irradiance is within its limit."""
        return math.sqrt(self.intensity_w_sr / CORNEA_W_M2)

    @property
    def retina_from_m(self) -> float:
        """From here on the radiance is within its limit: 0 when everywhere, infinite when nowhere."""
        subtense = RETINA_W_M2_SR / self.radiance_w_m2_sr
        if subtense >= MOST_SUBTENSE:
            return 0.0
        return self.across_mm / 1000 / subtense if subtense >= LEAST_SUBTENSE else math.inf

    @property
    def from_m(self) -> float:
        """From here on one may look into the lamps for as long as one likes."""
        return max(self.cornea_from_m, self.retina_from_m)


def burn_weight(wavelength_nm: float) -> float:
    """The burn hazard's weight R(λ) from 700 to 1050 nm: 0.50 at 850 nm, 0.33 at 940 nm."""
    return float(10 ** ((700 - wavelength_nm) / 500))
