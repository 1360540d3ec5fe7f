"""The best open peer: the two ONNX models of the fast-alpr package, with the steps they need around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.errors import UsageError
from anpr_edge.records import Box

DETECTOR = "yolo-v9-t-416-license-plates-end2end1.onnx"
RECOGNISER = "cct_xs_v1_global.onnx"
SIDE_PX = 416
PADDING_GREY = 114
SCORE_MIN = 0.4
"""Source: fast-alpr, default detector confidence."""
OCR_SIZE = (128, 64)
OCR_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"


@dataclass(frozen=True, slots=True)
class PeerPlate:
    """A plate the peer reports; `confidence` is the product of its slots' highest probabilities."""

    box: Box
    text: str = field(repr=False)
    confidence: float


class Peer:
    """Detects and reads, one thread, from a BGR uint8 (height, width, 3) picture."""

    def __init__(self, directory: Path) -> None:
        """Load both models.

        Raises: UsageError when they or onnxruntime are not there.
        """
        self._detector = _session(directory / DETECTOR)
        self._recogniser = _session(directory / RECOGNISER)

    def read(self, picture: NDArray[Any]) -> list[PeerPlate]:
        """Every plate found, with its text."""
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        return [self._plate(rgb, box) for box in self._boxes(rgb)]

    def read_crop(self, picture: NDArray[Any]) -> list[PeerPlate]:
        """The one plate of a picture that shows nothing else."""
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        return [self._plate(rgb, (0, 0, rgb.shape[1], rgb.shape[0]))]

    def _boxes(self, rgb: NDArray[Any]) -> list[tuple[int, int, int, int]]:
        height, width = rgb.shape[:2]
        scale = SIDE_PX / max(height, width)
        inner = round(width * scale), round(height * scale)
        left, top = (SIDE_PX - inner[0]) // 2, (SIDE_PX - inner[1]) // 2
        boxed = np.full((SIDE_PX, SIDE_PX, 3), PADDING_GREY, np.uint8)
        boxed[top : top + inner[1], left : left + inner[0]] = cv2.resize(rgb, inner)
        blob = boxed.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
        (rows,) = self._detector.run(None, {self._detector.get_inputs()[0].name: blob})
        rows = rows[rows[:, 6] >= SCORE_MIN]
        corners = (rows[:, 1:5] - (left, top, left, top)) / scale
        corners = corners.round().astype(int).clip(0, (width, height, width, height))
        return [(x0, y0, x1, y1) for x0, y0, x1, y1 in corners.tolist() if x1 > x0 and y1 > y0]

    def _plate(self, rgb: NDArray[Any], box: tuple[int, int, int, int]) -> PeerPlate:
        x0, y0, x1, y1 = box
        blob = cv2.resize(rgb[y0:y1, x0:x1], OCR_SIZE)[np.newaxis]
        slots = self._recogniser.run(None, {self._recogniser.get_inputs()[0].name: blob})[0]
        slots = slots.reshape(-1, len(OCR_ALPHABET))
        text = "".join(OCR_ALPHABET[index] for index in slots.argmax(axis=1)).replace("_", "")
        return PeerPlate(Box(*box), text, float(slots.max(axis=1).prod()))


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError("onnxruntime is not installed", hint="pip install onnxruntime") from error
    if not path.is_file():
        raise UsageError(f"{path}: not there", hint="--peer names the folder with the peer's two .onnx files")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
