"""Targets are what the decoder undoes: encode plates, decode the maps, get the plates back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.vision.decode import Decoded, decode
from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, Floats, LabelledFrame
from models.recipe.detector.targets import Targets, encode

EMPTY = np.zeros((0, 4), np.float32)


def frame(
    boxes: list[tuple[float, ...]], quads: list[Floats] | None = None, *ignored: Floats
) -> LabelledFrame:
    """A frame of even grey with plates in it, their corners unknown unless given."""
    edges = np.array(boxes, np.float32).reshape(-1, 4)
    corners = np.array(quads, np.float32) if quads else np.full((len(edges), 4, 2), np.nan, np.float32)
    pixels = np.full((HEIGHT_PX, WIDTH_PX), 114, np.uint8)
    return LabelledFrame(pixels, edges, corners, np.array(ignored, np.float32).reshape(-1, 4), True)


def quad_in(box: tuple[float, ...], lean: float) -> Floats:
    """A face inside a box, its left side `lean` of the height lower than its right side."""
    x0, y0, x1, y1 = box
    drop = (y1 - y0) * lean
    return np.array([(x0 + 1, y0 + drop), (x1 - 1, y0), (x1 - 1, y1 - drop), (x0 + 1, y1)], np.float32)


def decoded(targets: Targets, index: int = 0, threshold: float = 0.6) -> Decoded:
    """What a network would have found that answered the targets exactly."""
    share = np.clip(targets.heat[index], 1e-4, 1 - 1e-4)
    parts = (np.log(share / (1 - share)), targets.offset[index], targets.size[index], targets.corners[index])
    heat, offset, size, corners = (np.moveaxis(part, 0, -1) for part in parts)
    return decode(heat, offset, size, corners, threshold)


@given(
    x=st.floats(0, WIDTH_PX - 1),
    y=st.floats(0, HEIGHT_PX - 1),
    width=st.floats(10, 300),
    aspect=st.floats(0.15, 1.2),
    lean=st.floats(0, 0.5),
)
def test_one_plate_comes_back(x: float, y: float, width: float, aspect: float, lean: float) -> None:
    half, tall = width / 2, width * aspect / 2
    box = (x - half, y - tall, x + half, y + tall)
    quad = quad_in(box, lean)
    found = decoded(encode([frame([box], [quad])]))
    assert len(found.boxes) == 1
    assert found.boxes[0] == pytest.approx(np.array(box), abs=0.01)
    assert found.quads[0] == pytest.approx(quad, abs=0.01)


def test_neighbours_stay_apart() -> None:
    boxes = [(40.0, 40.0, 80.0, 54.0), (84.0, 40.0, 124.0, 54.0), (40.0, 60.0, 80.0, 74.0)]
    found = decoded(encode([frame(list(boxes))]))
    assert sorted(map(tuple, found.boxes.round(2).tolist())) == sorted(boxes)


def test_frames_of_a_batch_do_not_mix() -> None:
    targets = encode([frame([]), frame([(100.0, 100.0, 160.0, 120.0)])])
    assert not targets.heat[0].any()
    assert not targets.vote[0].any()
    assert len(decoded(targets, 1).boxes) == 1


def test_a_plate_outside_leaves_no_trace() -> None:
    targets = encode([frame([(-60.0, 100.0, -4.0, 120.0)])])
    assert not targets.heat.any()


def test_unknown_corners_teach_nothing() -> None:
    targets = encode([frame([(100.0, 100.0, 160.0, 120.0)])])
    assert targets.vote.any()
    assert not targets.corner_vote.any()
    assert np.isfinite(targets.corners).all()


def test_ignored_areas_weigh_nothing_but_a_plate_in_them_counts() -> None:
    area = np.array([80, 80, 200, 160], np.float32)
    targets = encode([frame([(100.0, 100.0, 160.0, 120.0)], None, area)])
    assert targets.heat_weight[0, 0, 11, 12] == 0
    assert targets.heat_weight[0, 0, 13, 16] == 1
    assert targets.heat_weight[0, 0, 0, 0] == 1


def test_the_heat_is_one_at_the_centre_alone() -> None:
    heat = encode([frame([(100.0, 100.0, 260.0, 150.0)])]).heat[0, 0]
    assert (heat == 1).sum() == 1
    assert heat[15, 22] == 1
