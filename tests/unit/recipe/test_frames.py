"""Frames survive the disk, windows keep pictures and labels together, mirroring keeps corners in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.records import Box
from anpr_edge.vision.detector import fit
from models.recipe.detector import windows
from models.recipe.detector.compose import plain_frame
from models.recipe.detector.frames import (
    BOX_MARGIN,
    HEIGHT_PX,
    LABEL_STYLE,
    WIDTH_PX,
    LabelledFrame,
    load_shard,
    save_shard,
    shard_paths,
    standard_box,
)
from models.recipe.detector.pictures import Picture, boxes_of_quads

FACE = (300, 200, 420, 232)


def picture_with_face(width: int = 800, height: int = 600) -> Picture:
    """A black picture with one white plate."""
    pixels = np.zeros((height, width), np.uint8)
    x0, y0, x1, y1 = FACE
    pixels[y0:y1, x0:x1] = 255
    quads = np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], np.float32)
    return Picture(pixels, boxes_of_quads(quads), quads, True, "drawn")


def seen_face(frame: LabelledFrame) -> list[float]:
    """Edges of what is white in a frame: x0 y0 x1 y1."""
    rows, cols = np.nonzero(frame.pixels > 127)
    return [cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]


@given(seed=st.integers(0, 2**32), way=st.sampled_from(["nearly_whole_picture", "around_plate", "anywhere"]))
def test_labels_move_with_the_picture(seed: int, way: str) -> None:
    picture = picture_with_face()
    window = getattr(windows, way)(np.random.default_rng(seed), picture)
    frame = LabelledFrame(
        window.cut(picture.pixels, 0), picture.boxes, window.to_input(picture.quads), picture.boxes, True
    )
    low, high = frame.quads[0].min(axis=0), frame.quads[0].max(axis=0)
    height, width = frame.pixels.shape
    if (low < 1).any() or (high > (width - 1, height - 1)).any() or (high - low < 4).any():
        return
    assert seen_face(frame) == pytest.approx([*low, *high], abs=1.0)


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (480, 640), (416, 416)])
def test_a_whole_picture_is_what_a_unit_sees(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (9, 9)).astype(np.uint8)
    pixels = np.kron(coarse, np.ones((size[1] // 9 + 1, size[0] // 9 + 1), np.uint8))[: size[1], : size[0]]
    quads = np.zeros((0, 4, 2), np.float32)
    trained = plain_frame(Picture(pixels, np.zeros((0, 4), np.float32), quads, True, "drawn")).pixels
    shown = windows.from_int8(fit(pixels, (HEIGHT_PX, WIDTH_PX)).picture)
    assert np.abs(trained.astype(int) - shown).mean() < (3 if size == (480, 640) else 1e-9)


def test_a_shard_gives_back_what_went_in(tmp_path: Path) -> None:
    plain = plain_frame(picture_with_face())
    none = np.zeros((0, 4), np.float32)
    bare = LabelledFrame(plain.pixels[::-1], none, np.zeros((0, 4, 2), np.float32), plain.boxes, False)
    save_shard(tmp_path / "one.npz", [plain, bare])
    shard = load_shard(tmp_path / "one.npz")
    for index, frame in enumerate((plain, bare)):
        back = shard.frame(index)
        for part in ("pixels", "boxes", "quads", "ignored"):
            np.testing.assert_array_equal(getattr(back, part), getattr(frame, part))
        assert back.complete == frame.complete
    assert shard_paths(tmp_path) == [tmp_path / "one.npz"]


def test_a_shard_of_another_size_is_refused(tmp_path: Path) -> None:
    frame = plain_frame(picture_with_face())
    small = LabelledFrame(frame.pixels[:100], frame.boxes, frame.quads, frame.ignored, True)
    save_shard(tmp_path / "small.npz", [small])
    with pytest.raises(ValueError, match=r"small\.npz"):
        load_shard(tmp_path / "small.npz")


@pytest.mark.parametrize("source", LABEL_STYLE)
def test_every_source_s_box_comes_to_the_same_style(source: str) -> None:
    across, down = LABEL_STYLE[source]
    labelled = Box(100 - 50 * across, 100 - 12 * down, 100 + 50 * across, 100 + 12 * down)
    common = standard_box(labelled, source)
    assert common.width == pytest.approx(100 * BOX_MARGIN[0])
    assert common.height == pytest.approx(24 * BOX_MARGIN[1])
    assert common.centre == pytest.approx((100, 100))
