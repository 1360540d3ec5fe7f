"""The rendered road tells the truth about itself and keeps a camera's time."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.records import Quad
from tests.fakes import EPOCH_NS, FakeClock


@pytest.fixture(scope="module")
def road() -> SyntheticRoad:
    return SyntheticRoad(FakeClock(), paced=False)


def grey_inside(pixels: NDArray[np.uint8], quad: Quad) -> float:
    """Mean grey level inside four corners."""
    mask = np.zeros(pixels.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(np.array(quad.points)).astype(np.int32), (1,))
    return float(pixels[mask > 0].mean())


def grown(quad: Quad, times: float) -> Quad:
    x, y = quad.box.centre
    tl, tr, br, bl = ((x + (px - x) * times, y + (py - y) * times) for px, py in quad.points)
    return Quad(tl, tr, br, bl)


def test_the_standard_clip_has_six_vehicles_in_fifteen_seconds(road: SyntheticRoad) -> None:
    assert len(road.truth) == 6
    assert 13 * 30 <= road.frame_count <= 20 * 30
    assert [passage.style for passage in road.truth].count("uk-two-row") == 1
    assert all(passage.last_frame - passage.first_frame >= 12 for passage in road.truth)


def test_some_vehicles_come_and_some_go(road: SyntheticRoad) -> None:
    grows = []
    for passage in road.truth:
        first, last = (
            {text: quad for quad, text in road.truth_at(seq)}[passage.plate_text].box.width
            for seq in (passage.first_frame, passage.last_frame)
        )
        grows.append(last > first)

    assert grows.count(True) == 4
    assert grows.count(False) == 2


def test_each_plate_shines_where_the_truth_says_it_is(road: SyntheticRoad) -> None:
    for passage in road.truth:
        seq = (passage.first_frame + passage.last_frame) // 2
        pixels = road.render(seq)
        for quad, _ in road.truth_at(seq):
            inside = grey_inside(pixels, quad)
            around = grey_inside(pixels, grown(quad, 1.35))
            assert inside > 70
            assert inside > 1.25 * around


def test_corners_are_right_to_about_a_pixel(road: SyntheticRoad) -> None:
    passage = road.truth[0]
    ((quad, _),) = road.truth_at(passage.last_frame)
    flat = np.array([(0, 0), (520, 0), (520, 111), (0, 111)], np.float32)
    to_flat = cv2.getPerspectiveTransform(np.array(quad.points, np.float32), flat)
    patch = cv2.warpPerspective(road.render(passage.last_frame), to_flat, (520, 111))
    bright = patch > 0.5 * float(np.percentile(patch, 95))

    assert bright[10:-10, 10:20].mean() > 0.9
    assert bright[10:-10, -20:-10].mean() > 0.9
    assert bright[6:12, 20:-20].mean() > 0.9
    assert bright[-12:-6, 20:-20].mean() > 0.9


def test_passages_agree_with_the_truth_of_single_frames(road: SyntheticRoad) -> None:
    for passage in road.truth:
        texts = [
            [text for _, text in road.truth_at(seq)]
            for seq in (
                passage.first_frame - 1,
                passage.first_frame,
                passage.last_frame,
                passage.last_frame + 1,
            )
        ]
        assert [passage.plate_text in seen for seen in texts] == [False, True, True, False]


def test_a_seed_gives_the_same_clip_in_any_order(road: SyntheticRoad) -> None:
    again = SyntheticRoad(FakeClock(), paced=False)
    other = SyntheticRoad(FakeClock(), paced=False, seed=2)

    assert np.array_equal(again.render(50), road.render(50))
    assert np.array_equal(again.render(10), road.render(10))
    assert [p.plate_text for p in other.truth] != [p.plate_text for p in road.truth]


def test_without_pacing_time_follows_the_frame_number() -> None:
    road = SyntheticRoad(FakeClock(), width=320, height=180, frame_rate=25, vehicles=1, paced=False)
    frames = [road.read() for _ in range(3)]

    assert [f.taken.mono_ns for f in frames if f] == [0, 40_000_000, 80_000_000]
    assert [f.taken.utc_ns - EPOCH_NS for f in frames if f] == [0, 40_000_000, 80_000_000]


def test_paced_frames_wait_for_their_time() -> None:
    clock = FakeClock()
    road = SyntheticRoad(clock, width=320, height=180, frame_rate=20, vehicles=1, paced=True)
    taken = [frame.taken.mono_ns for _ in range(3) if (frame := road.read())]

    assert taken == [0, 50_000_000, 100_000_000]


def test_a_late_reader_gets_its_frame_at_once() -> None:
    clock = FakeClock()
    road = SyntheticRoad(clock, width=320, height=180, frame_rate=20, vehicles=1, paced=True)
    road.read()
    clock.advance(0.3)
    frame = road.read()

    assert frame is not None
    assert frame.taken.mono_ns == 300_000_000


def test_an_empty_road_ends_too() -> None:
    road = SyntheticRoad(FakeClock(), width=320, height=180, vehicles=0, paced=False)

    assert road.truth == ()
    assert sum(1 for _ in iter(road.read, None)) == road.frame_count > 0


def test_no_plate_in_any_repr(road: SyntheticRoad) -> None:
    passage = road.truth[0]

    assert passage.plate_text not in repr(passage)
    assert passage.plate_text not in repr(road.__dict__)
