"""What the reader computes is the same to the last bit on x86 and on 64-bit ARM, whatever numpy's version.

The checksums were made on x86 (numpy 1.26.4, OpenCV 4.11.0); `scripts/test --arm64` and `--trixie` take them
elsewhere. A difference changes every read: find out where it comes from before a checksum is written anew.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.records import Box, Detection, Quad
from anpr_edge.vision.closeup import upright
from anpr_edge.vision.ctc import agreed, greedy, softmax
from anpr_edge.vision.decode import decode
from anpr_edge.vision.pixels import resize
from anpr_edge.vision.rectify import rectify, sharpness, stretch_contrast


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def checksum(*arrays: Any) -> int:
    sum_ = 0
    for array in arrays:
        sum_ = zlib.crc32(np.ascontiguousarray(array).tobytes(), sum_)
    return sum_


def quads() -> list[Quad]:
    """Plates 40 to 340 px wide, leaning and turned a little."""
    return [
        Quad(
            (90.3 + n, 60.7),
            (130.1 + 31 * n, 66.2 + n / 7),
            (131 + 31 * n, 80 + 8.1 * n),
            (89.2 + n, 73 + 7.7 * n),
        )
        for n in range(10)
    ]


@pytest.mark.parametrize(
    ("height", "width", "size", "expected"),
    [
        (720, 1280, (448, 320), 3245134623),
        (1088, 1456, (448, 320), 3022749257),
        (1080, 1920, (448, 320), 3783775741),
        (480, 640, (448, 320), 3008430953),
        (75, 120, (192, 128), 762688138),
        (300, 190, (192, 128), 1049897833),
        (250, 383, (192, 128), 3948028775),
        (241, 389, (192, 128), 1806502190),
        (719, 1279, (448, 320), 3179216461),
        (720, 1280, (160, 90), 3964408047),
    ],
)
def test_resizing(height: int, width: int, size: tuple[int, int], expected: int) -> None:
    assert checksum(resize(noise(height, width), size)) == expected


def test_a_plate_seen_straight_on() -> None:
    patches = [rectify(noise(480, 640), quad, (40, 144)) for quad in quads()]
    pictures = [stretch_contrast(patch) for patch in patches]
    crispness = [sharpness(picture) for picture in pictures]
    assert (checksum(*patches), checksum(*pictures), checksum(np.array(crispness))) == (
        2140740081,
        781342700,
        4231691982,
    )


class Shown:
    """A detector that finds nothing in what it is shown, and keeps it."""

    model_id = "shown-1+00000000"

    def __init__(self) -> None:
        self.pictures: list[NDArray[np.uint8]] = []

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        self.pictures.append(pixels)
        return []


def test_a_leaning_plate_set_upright() -> None:
    shown = Shown()
    for n in range(8):
        corners = [(200, 150), (260 + 20 * n, 163.3 + 5 * n), (253 + 20.7 * n, 190 + 6.1 * n), (194.4, 171.9)]
        quad = Quad(*corners)
        upright(shown, noise(480, 640), Detection(quad.box, quad, 0.9))
    assert (len(shown.pictures), checksum(*shown.pictures)) == (8, 3620774481)


def test_from_maps_to_plates() -> None:
    rng = np.random.default_rng(2)
    heat, offset, size, corners = (
        (rng.integers(-128, 128, (40, 56, n)) * np.float32(0.03)).astype(np.float32) for n in (1, 2, 2, 8)
    )
    found = decode(heat, offset, size, corners, 0.9)
    assert len(found.scores) > 20
    assert checksum(found.scores, found.boxes, found.quads) == 2403335092


def test_from_slots_to_text() -> None:
    logits = (np.random.default_rng(3).integers(-128, 128, (3, 72, 37)) * np.float32(0.11)).astype(np.float32)
    looks = [softmax(one, 1.3) for one in logits]
    readings = [greedy(look) for look in (*looks, agreed(looks))]
    assert checksum(*looks, agreed(looks)) == 1039340668
    assert (
        checksum(*(reading.rows for reading in readings), [reading.score for reading in readings])
        == 3406795210
    )
