"""Who is measured: our own models as `anpr-edge scan` runs them, and the best open peer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import cv2

from anpr_edge.capture.images import load_luma
from anpr_edge.cli.scan_reading import PictureReader
from anpr_edge.errors import BadImage
from anpr_edge.records import Box
from scripts.benchmarks.peer import Peer

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FoundPlate:
    """One plate somebody reports; an empty `text` is a plate that was found and could not be read."""

    box: Box
    text: str = field(repr=False)
    confidence: float


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one picture, and the milliseconds from decoded picture to texts."""

    width_px: int
    found: tuple[FoundPlate, ...]
    ms: float
    processor_ms: float


class Contender(Protocol):
    """Reads picture files on one thread."""

    @property
    def name(self) -> str: ...

    def look(self, path: Path) -> Look:
        """Every plate of a picture.

        Raises: CaptureError when it cannot be decoded, or is too small or too large.
        """
        ...


class Ours:
    """The shipped models, by the code of `anpr-edge scan`."""

    name = "anpr-edge"

    def __init__(self, models: Path, *, crops: bool) -> None:
        """Load them.

        Raises: ModelError when one of them is not what its card says.
        """
        self._reader = PictureReader.load(models, crops=crops)

    @property
    def model_ids(self) -> tuple[str, str]:
        """The detector, with its second look, and the recogniser."""
        return self._reader.model_ids

    def look(self, path: Path) -> Look:
        """Every plate of a picture, from its luma as the camera would give it."""
        pixels = load_luma(path)
        scanned, ms, processor_ms = _timed(lambda: self._reader.scan(str(path), pixels))
        found = tuple(FoundPlate(plate.box, plate.text, plate.confidence) for plate in scanned.plates)
        return Look(scanned.width_px, found, ms, processor_ms)


class PeerBeside:
    """The peer, from the picture in its colours."""

    name = "fast-alpr"

    def __init__(self, directory: Path, *, crops: bool) -> None:
        """Load both models.

        Raises: UsageError when they or onnxruntime are not there.
        """
        self._peer = Peer(directory)
        self._crops = crops

    def look(self, path: Path) -> Look:
        """Every plate of a picture; of a crop, the one that it is."""
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise BadImage(f"{path}: not a picture that can be decoded")
        read = self._peer.read_crop if self._crops else self._peer.read
        plates, ms, processor_ms = _timed(lambda: read(picture))
        found = tuple(FoundPlate(plate.box, plate.text, plate.confidence) for plate in plates)
        return Look(picture.shape[1], found, ms, processor_ms)


def _timed(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """The result, milliseconds by the clock, and of the processor's time in this thread."""
    started, processor = time.perf_counter(), time.thread_time()
    result = work()
    return result, (time.perf_counter() - started) * 1e3, (time.thread_time() - processor) * 1e3
