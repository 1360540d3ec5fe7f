"""What `anpr-edge scan` does with one picture, and how the result looks to a program and to a person."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.images import load_luma
from anpr_edge.cli.output import counted
from anpr_edge.cli.scan import MIN_CONFIDENCE
from anpr_edge.errors import BadImage, CaptureError
from anpr_edge.plates import syntax
from anpr_edge.plates.fusion import FusedPlate, Fusion
from anpr_edge.records import Alternative, Box, PlateCandidate, Quad, mask_plate
from anpr_edge.seams import Detector
from anpr_edge.vision.closeup import load_detector
from anpr_edge.vision.cropped import CropReader
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel


@dataclass(frozen=True, slots=True)
class ScannedPlate:
    """One plate of a still picture; `text` is empty when it could not be read."""

    text: str
    confidence: float
    char_confidences: tuple[float, ...]
    alternatives: tuple[Alternative, ...]
    box: Box
    quad: Quad
    syntax: str | None
    region: str | None

    def __repr__(self) -> str:
        return f"ScannedPlate({mask_plate(self.text)}, {self.confidence:.3f})"

    def masked(self) -> ScannedPlate:
        """The same without the plate's text, and without what tells it or its length."""
        text = mask_plate(self.text) if self.text else ""
        return replace(self, text=text, char_confidences=(), alternatives=())

    def as_json(self) -> dict[str, Any]:
        """The object documented in docs/scan-output.md."""
        return {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "char_confidences": [round(confidence, 4) for confidence in self.char_confidences],
            "alternatives": [
                {"text": other.text, "confidence": round(other.confidence, 4)} for other in self.alternatives
            ],
            "box": [round(side, 1) for side in (self.box.x0, self.box.y0, self.box.x1, self.box.y1)],
            "quad": [[round(x, 1), round(y, 1)] for x, y in self.quad.points],
            "syntax": self.syntax,
            "region": self.region,
        }

    def as_text(self) -> str:
        """Two lines: what it says, and where it is."""
        each = " ".join(f"{c}{p:.0%}" for c, p in zip(self.text, self.char_confidences, strict=False))
        words = [f"{self.text or '(unreadable)':10}", f"{self.confidence:6.1%}", self.syntax or "-"]
        corners = " ".join(f"{x:.0f},{y:.0f}" for x, y in self.quad.points)
        box = f"{self.box.x0:.0f},{self.box.y0:.0f}-{self.box.x1:.0f},{self.box.y1:.0f}"
        shown = each if self.char_confidences else ""
        return f"  {'  '.join([*words, shown]).rstrip()}\n      box {box}  quad {corners}"


@dataclass(frozen=True, slots=True)
class ScannedPicture:
    """The plates of one still picture, best found first, and the milliseconds each stage took."""

    image: str
    width_px: int
    height_px: int
    plates: tuple[ScannedPlate, ...]
    detect_ms: float
    read_ms: float

    def masked(self) -> ScannedPicture:
        """The same with every plate masked."""
        return replace(self, plates=tuple(plate.masked() for plate in self.plates))

    def as_json(self) -> dict[str, Any]:
        """The object documented in docs/scan-output.md."""
        return {
            "image": self.image,
            "plates": [plate.as_json() for plate in self.plates],
            "ms": {
                "detect": round(self.detect_ms, 3),
                "read": round(self.read_ms, 3),
                "total": round(self.detect_ms + self.read_ms, 3),
            },
        }

    def as_text(self) -> str:
        """One line for the picture and two for each plate."""
        times = f"detect {self.detect_ms:.1f} ms, read {self.read_ms:.1f} ms"
        head = (
            f"{self.image}  {self.width_px}x{self.height_px}  {counted(len(self.plates), 'plate')}  {times}"
        )
        return "\n".join([head, *(plate.as_text() for plate in self.plates)])


class PictureReader:
    """Reads still pictures with a unit's models; with a `crop_reader`, each is one plate cut out."""

    def __init__(
        self,
        detector: Detector,
        recogniser: TfliteRecogniser,
        *,
        crop_reader: CropReader | None = None,
        min_confidence: float = MIN_CONFIDENCE,
    ) -> None:
        """A plate read with less than `min_confidence` counts as unreadable."""
        self._detector = detector
        self._recogniser = recogniser
        self._crop_reader = crop_reader
        self._min_confidence = min_confidence

    @classmethod
    def load(
        cls, models: Path, *, threads: int = 1, crops: bool = False, min_confidence: float = MIN_CONFIDENCE
    ) -> PictureReader:
        """The reader with the models in a folder; with `crops`, for plates cut out.

        Raises: ModelError when one of them is not what its card says.
        """
        cv2.setNumThreads(threads)
        detector = load_detector(models, threads)
        recogniser = TfliteRecogniser(TfliteModel.load(models, "recogniser", threads))
        crop_reader = CropReader.load(models, recogniser, threads) if crops else None
        return cls(detector, recogniser, crop_reader=crop_reader, min_confidence=min_confidence)

    @property
    def model_ids(self) -> tuple[str, str]:
        """The detector, with its second look, and the recogniser."""
        return self._detector.model_id, self._recogniser.model_id

    def read(self, path: Path) -> ScannedPicture:
        """The plates of one picture file.

        Raises: BadImage when it cannot be decoded, or is too small or too large for the models.
        """
        name, pixels = _printable(path), load_luma(path)
        try:
            return self.scan(name, pixels)
        except CaptureError as error:
            raise BadImage(f"{name}: {error}", hint=error.hint) from error

    def scan(self, image: str, pixels: NDArray[np.uint8]) -> ScannedPicture:
        """The plates of a uint8 (height, width) picture named `image`."""
        height, width = pixels.shape
        started = time.perf_counter()
        places = self._places(pixels)
        detected = time.perf_counter()
        plates = tuple(self._plate(pixels, box, quad) for box, quad in places)
        done = time.perf_counter()
        times_ms = (detected - started) * 1e3, (done - detected) * 1e3
        return ScannedPicture(image, width, height, plates, *times_ms)

    def _places(self, pixels: NDArray[np.uint8]) -> list[tuple[Box, Quad | None]]:
        """Where plates are: box and corners, without corners a crop in which none were found."""
        if self._crop_reader:
            whole = Box(0, 0, pixels.shape[1], pixels.shape[0])
            return [(whole, self._crop_reader.corners_in(pixels))]
        return [(found.box, found.quad) for found in self._detector.detect(pixels)]

    def _plate(self, pixels: NDArray[np.uint8], box: Box, corners: Quad | None) -> ScannedPlate:
        quad = corners or Quad.of_box(box)
        fused = self._fused(self._looks(pixels, corners))
        if fused is None or fused.confidence < self._min_confidence:
            return ScannedPlate("", 0.0, (), (), box, quad, None, None)
        fits = syntax.match(fused.text)
        name, region = (fits.name, fits.region) if fits else (None, None)
        return ScannedPlate(
            text=fused.text,
            confidence=fused.confidence,
            char_confidences=fused.char_confidences,
            alternatives=fused.alternatives,
            box=box,
            quad=quad,
            syntax=name,
            region=region,
        )

    def _looks(self, pixels: NDArray[np.uint8], corners: Quad | None) -> Iterable[PlateCandidate]:
        """The readings of one plate: one by its corners, up to two of a crop."""
        if self._crop_reader:
            return self._crop_reader.looks(pixels, corners)
        candidate = self._recogniser.recognise(pixels, corners) if corners else None
        return [candidate] if candidate else []

    def _fused(self, looks: Iterable[PlateCandidate]) -> FusedPlate | None:
        """The few looks at one picture, ranked as the pipeline ranks many."""
        fusion = Fusion(self._recogniser.alphabet)
        for look in looks:
            fusion.add(look)
        return fusion.best()


def _printable(path: Path) -> str:
    """The path as text that any terminal and any JSON reader takes; bytes that are no text as `\\xff`."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
