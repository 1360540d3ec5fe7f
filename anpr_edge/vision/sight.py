"""How well the camera sees, in a few numbers without a picture: for `doctor`, never for reading.

Of the scene: how dark its darkest, how bright its brightest parts are, and how much of it is saturated. Of
the plates that were looked at: how crisp, how rich in contrast and how wide they were.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Detection, Frame, PlateCandidate, Quad
from anpr_edge.vision.brightness import CLIPPED_GREY, grey_at, histogram, inside

SCENE_STEP_PX: Final = 8
SCENE_EVERY_NS: Final = 10**9
"""The scene changes slowly: one look a second costs next to nothing."""

LOOKS_KEPT: Final = 200
FLAT_GREY: Final = 16.0
"""Between the darkest and the brightest hundredth of a picture: on an even surface, noise of 3 grey levels
(standard deviation) makes 14. Source: normal distribution, 4.65 σ between these percentiles."""
DARK_GREY: Final = 16.0
"""A picture whose middle is darker than that is a night without plates, and flat by right."""
GLARE_SHARE: Final = 0.05
"""So much of the picture saturated is no headlamp: the sun, a mirror, a lamp in the lens."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Grey levels that 1, 50 and 99 % of a picture's pixels do not exceed, and the share saturated."""

    dark_grey: float
    middle_grey: float
    bright_grey: float
    clipped: float

    @property
    def flat(self) -> bool:
        """Whether there is nothing to see in it, although there is light."""
        return not self.dark and self.bright_grey - self.dark_grey < FLAT_GREY

    @property
    def dark(self) -> bool:
        """Whether it is so dark that nothing can be told from an even picture."""
        return self.middle_grey < DARK_GREY

    @property
    def glaring(self) -> bool:
        """Whether too much of it is saturated."""
        return self.clipped >= GLARE_SHARE


def measure_scene(pixels: NDArray[np.uint8]) -> Scene:
    """Of a uint8 (H, W) picture."""
    counts = histogram(pixels[::SCENE_STEP_PX, ::SCENE_STEP_PX])
    dark, middle, bright = (grey_at(counts, share) for share in (0.01, 0.5, 0.99))
    return Scene(dark, middle, bright, float(counts[CLIPPED_GREY:].sum() / counts.sum()))


def plate_contrast(pixels: NDArray[np.uint8], quad: Quad) -> float | None:
    """Grey levels between a plate's ink and its face; None when it is outside the picture."""
    counts = histogram(inside(pixels, quad))
    return grey_at(counts, 0.9) - grey_at(counts, 0.1) if counts.sum() else None


class Sight:
    """Runs along with the reader. One thread calls `look`, any may call `state`."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, float]] = deque(maxlen=LOOKS_KEPT)
        self._contrasts: deque[float] = deque(maxlen=LOOKS_KEPT)
        self._measured_ns: int | None = None
        self._flat_since_ns: int | None = None
        self._glare_since_ns: int | None = None
        self._state: dict[str, Any] = {}

    def look(self, frame: Frame, plates: Sequence[Detection], looks: Sequence[PlateCandidate]) -> None:
        """Take one frame into account, the plates found in it, and what was read of them."""
        self._looks += [(one.sharpness, one.plate_width_px) for one in looks]
        contrasts = [plate_contrast(frame.pixels, plate.quad) for plate in plates] if looks else []
        self._contrasts += [contrast for contrast in contrasts if contrast is not None]
        now_ns = frame.taken.mono_ns
        if self._measured_ns is None or not 0 <= now_ns - self._measured_ns < SCENE_EVERY_NS:
            self._measured_ns = now_ns
            self._describe(measure_scene(frame.pixels), now_ns)
        elif looks:
            self._state = {**self._state, "plates": self._plates()}

    def state(self) -> dict[str, Any]:
        """The `sight` part of the reader's state: plates as of the last look, the scene up to a second old.

        Empty before the first frame.
        """
        return self._state

    def _describe(self, scene: Scene, now_ns: int) -> None:
        self._flat_since_ns = _since(self._flat_since_ns, scene.flat, now_ns)
        self._glare_since_ns = _since(self._glare_since_ns, scene.glaring, now_ns)
        self._state = {
            "dark_grey": scene.dark_grey,
            "middle_grey": scene.middle_grey,
            "bright_grey": scene.bright_grey,
            "clipped": round(scene.clipped, 4),
            "dark": scene.dark,
            "flat_s": _age_s(self._flat_since_ns, now_ns),
            "glare_s": _age_s(self._glare_since_ns, now_ns),
            "plates": self._plates(),
        }

    def _plates(self) -> dict[str, Any]:
        if not self._looks:
            return {"looks": 0, "sharpness": None, "contrast": None, "width_px": None}
        widths = sorted(width for _, width in self._looks)
        return {
            "looks": len(self._looks),
            "sharpness": round(median(sharpness for sharpness, _ in self._looks), 4),
            "contrast": round(median(self._contrasts), 1) if self._contrasts else None,
            "width_px": round(widths[len(widths) * 3 // 4], 1),
        }


def _since(before_ns: int | None, stands: bool, now_ns: int) -> int | None:
    return (now_ns if before_ns is None else min(before_ns, now_ns)) if stands else None


def _age_s(since_ns: int | None, now_ns: int) -> float | None:
    return None if since_ns is None else round((now_ns - since_ns) / 1e9, 1)
