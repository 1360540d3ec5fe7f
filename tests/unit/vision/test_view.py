"""What of the picture counts, in shares of its sides."""

from __future__ import annotations

import numpy as np
import pytest

from anpr_edge.vision.view import View

LOWER = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
CORNER = ((0.75, 0.75), (1.0, 0.75), (1.0, 1.0), (0.75, 1.0))


@pytest.mark.parametrize(
    ("view", "counting"),
    [
        (View(), [True, True, True]),
        (View(regions=(LOWER,)), [False, True, True]),
        (View(exclusions=(CORNER,)), [True, True, False]),
        (View(regions=(LOWER,), exclusions=(CORNER,)), [False, True, False]),
        (View(regions=(CORNER, LOWER)), [False, True, True]),
    ],
)
def test_a_place_counts_inside_a_region_and_outside_every_exclusion(view: View, counting: list[bool]) -> None:
    places = [(100.0, 100.0), (100.0, 600.0), (1200.0, 700.0)]
    assert [view.counts(place, 1280, 720) for place in places] == counting


@pytest.mark.parametrize("size", [(1280, 720), (640, 360)])
def test_polygons_outlive_a_change_of_resolution(size: tuple[int, int]) -> None:
    view = View(lanes={"near": LOWER, "far": CORNER})
    width, height = size
    assert view.lane_at((0.1 * width, 0.9 * height), width, height) == "near"
    assert view.lane_at((0.1 * width, 0.1 * height), width, height) is None


def test_the_first_of_two_lanes_that_share_a_place_is_its_lane() -> None:
    assert View(lanes={"b": LOWER, "a": CORNER}).lane_at((90.0, 90.0), 100, 100) == "b"


def test_the_mask_agrees_with_the_places_it_stands_for() -> None:
    view = View(regions=(LOWER,), exclusions=(CORNER,))
    mask = view.mask(160, 90)
    assert mask is not None
    rng = np.random.default_rng(1)
    far_from_edges = [(x, y) for x, y in rng.random((300, 2)) if min(abs(x - 0.75), abs(y - 0.75)) > 0.02]
    for x, y in [place for place in far_from_edges if abs(place[1] - 0.5) > 0.02]:
        assert mask[int(y * 90), int(x * 160)] == view.counts((x * 1280, y * 720), 1280, 720)


def test_without_polygons_there_is_no_mask() -> None:
    assert View(lanes={"near": LOWER}).mask(160, 90) is None
