"""One frame as the page shows it: measured, its plates painted over, small. No thread and no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.aim.meters import PeakHold, PlateLook, RateMeter, Vehicles
from anpr_edge.aim.needs import READABLE_PX, measured_points
from anpr_edge.aim.parcel import Parcel
from anpr_edge.records import Box, Detection, Frame
from anpr_edge.seams import Detector
from anpr_edge.vision.brightness import measure
from anpr_edge.vision.closeup import FIRST_LOOK_SCORE, CloseUp, close_up_model
from anpr_edge.vision.detector import TfliteDetector
from anpr_edge.vision.focus import SceneFocus, plate_sharpness
from anpr_edge.vision.pixels import check_picture
from anpr_edge.vision.shown import MAYBE_SCORE, paint_over, small
from anpr_edge.vision.tflite import TfliteModel
from anpr_edge.vision.view import View

JPEG_QUALITY = 70
HOLD_S = 0.7
"""A plate is painted over for so long after it was last found, so that none flickers into sight."""


@dataclass(slots=True)
class Unsure:
    """A detector that keeps in `maybe` what it was not sure of; see `seams.Detector`."""

    inner: Detector
    sure: float
    maybe: Sequence[Detection] = ()

    @property
    def model_id(self) -> str:
        """The inner one's."""
        return self.inner.model_id

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        """The plates it is sure of, best first; one look, whatever is `known`."""
        del known
        self.maybe = self.inner.detect(pixels)
        return [one for one in self.maybe if one.score >= self.sure]


@dataclass(frozen=True, slots=True)
class Eyes:
    """The unit's own detector, and what its first look only supposed."""

    detector: Detector
    first: Unsure

    def look(self, pixels: NDArray[np.uint8]) -> tuple[list[Detection], list[Detection]]:
        """Plates, and all that may be one."""
        plates = self.detector.detect(pixels)
        return plates, [*plates, *self.first.maybe]


def load_eyes(directory: Path, threads: int, score_min: float | None) -> Eyes:
    """The detector in a folder of models, as the reader uses it.

    Raises: ModelError.
    """
    model = TfliteModel.load(directory, "detector", threads)
    generous = TfliteDetector(model, MAYBE_SCORE)
    close = close_up_model(directory, threads)
    if close is None:
        first = Unsure(generous, score_min or model.card.threshold)
        return Eyes(first, first)
    first = Unsure(generous, FIRST_LOOK_SCORE)
    return Eyes(CloseUp.behind(first, close, score_min or close.card.threshold), first)


@dataclass(slots=True)
class Looker:
    """Measures frame after frame. `frame_rate` is what the source was asked for, in frames a second."""

    eyes: Eyes
    view: View
    frame_rate: float
    rate: RateMeter = field(default_factory=RateMeter)
    scene: PeakHold = field(default_factory=PeakHold)
    plates: PeakHold = field(default_factory=PeakHold)
    vehicles: Vehicles = field(default_factory=Vehicles)
    found: Sequence[Detection] = ()
    _scene: SceneFocus = field(default_factory=SceneFocus)
    _held: list[tuple[Box, int]] = field(default_factory=list)

    def look(self, frame: Frame, exposure: dict[str, Any]) -> Parcel:
        """What is to be seen in a frame, and the frame as it may be shown.

        `exposure` is what exposure control says, or nothing.

        Raises: CaptureError when the frame is not a uint8 (height, width) picture.
        """
        check_picture(frame.pixels)
        height, width = frame.pixels.shape
        plates, maybe = self.eyes.look(frame.pixels)
        self.found = [one for one in plates if self.view.counts(one.box.centre, width, height)]
        looks = [_look_at(frame, one) for one in self.found]
        self.scene.add(self._scene.look(frame.pixels))
        near = [look.sharpness for look in looks if look.detection.box.width >= READABLE_PX]
        self.plates.add(max(near, default=None))
        self.vehicles.add(looks, frame.taken)
        seen = measure(frame.pixels, [one.quad for one in self.found])
        facts = {
            "seq": frame.seq,
            "size": [width, height],
            "plates": [_shown(look, width, height) for look in looks],
            "focus": {"scene": self.scene.state(), "plates": self.plates.state()},
            "rate": {"now": _rounded(self.rate.per_s, 1), "asked": self.frame_rate},
            "brightness": {name: _rounded(value, 3) for name, value in asdict(seen).items()},
            "exposure": exposure or _own_exposure(frame),
            "vehicles": self.vehicles.state(),
        }
        facts["points"] = [asdict(point) for point in measured_points(facts)]
        return Parcel(facts, self._picture(frame, maybe))

    def reset_peaks(self) -> None:
        """Forget how sharp it has been."""
        self.scene.reset()
        self.plates.reset()

    def _picture(self, frame: Frame, maybe: Sequence[Detection]) -> bytes:
        now_ns = frame.taken.mono_ns
        held = [box for box, until_ns in self._held if 0 <= until_ns - now_ns <= HOLD_S * 1e9]
        pixels = frame.pixels.copy()
        paint_over(pixels, maybe, held)
        until_ns = round(now_ns + HOLD_S * 1e9)
        self._held = [(box, until) for box, until in self._held if until >= now_ns]
        self._held += [(one.box, until_ns) for one in maybe]
        _, encoded = cv2.imencode(".jpg", small(pixels), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return encoded.tobytes()


def _look_at(frame: Frame, plate: Detection) -> PlateLook:
    brightness = measure(frame.pixels, [plate.quad])
    return PlateLook(plate, plate_sharpness(frame.pixels, plate.quad), brightness.plate_clipped or 0.0)


def _shown(look: PlateLook, width: int, height: int) -> dict[str, Any]:
    corners = [[round(x / width, 4), round(y / height, 4)] for x, y in look.detection.quad.points]
    return {
        "corners": corners,
        "width_px": round(look.detection.box.width),
        "sharpness": round(look.sharpness, 3),
        "clipped": round(look.clipped, 4),
    }


def _own_exposure(frame: Frame) -> dict[str, Any]:
    """What the frame says it was taken with, where the source tells."""
    if frame.exposure_us is None:
        return {}
    gain = "" if frame.gain is None else f", gain {frame.gain:.1f}"
    return {"words": f"{frame.exposure_us:.0f} µs{gain}", "limit": None}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
