"""Other light, weather and traffic than the demo's, and the truth about them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.capture.render.conditions import CONDITIONS, DAY, DUSK, IR_NIGHT, RAIN, Condition
from anpr_edge.capture.render.flow import Flow, Situation, make_flow
from anpr_edge.capture.render.place import Place
from anpr_edge.capture.render.plates import UK_SINGLE_ROW
from anpr_edge.capture.render.scene import Camera
from anpr_edge.capture.render.sight import hidden_share
from anpr_edge.capture.render.stage import Stage
from anpr_edge.capture.render.traffic import make_vehicle
from anpr_edge.capture.render.vehicles import CAR_FRONT
from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.records import Box, Quad
from tests.fakes import FakeClock

DENSE = Flow(6, spacing_s=(0.2, 0.7))


def clip(stage: Stage, seed: int = 5, width: int = 1280, height: int = 720) -> SyntheticRoad:
    return SyntheticRoad(FakeClock(), width=width, height=height, seed=seed, paced=False, stage=stage)


def empty(condition: Condition, **changes: object) -> SyntheticRoad:
    return clip(Stage(Flow(0), condition, **changes), width=640, height=360)  # type: ignore[arg-type]


def inside(pixels: NDArray[np.uint8], quad: Quad) -> NDArray[np.uint8]:
    """The pixels between four corners."""
    mask = np.zeros(pixels.shape, np.uint8)
    cv2.fillConvexPoly(mask, np.round(np.array(quad.points)).astype(np.int32), (1,))
    return pixels[mask > 0]


def moved(quad: Quad, down_px: float) -> Quad:
    tl, tr, br, bl = ((x, y + down_px) for x, y in quad.points)
    return Quad(tl, tr, br, bl)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_plates_shine_where_the_truth_says_in_every_light(condition: Condition) -> None:
    road = clip(Stage(DENSE, condition, shake_px=4.0))
    seen = [(seq, sight) for seq in range(0, road.frame_count, 6) for sight in road.sights_at(seq)]
    large = [(seq, sight) for seq, sight in seen if sight.readable and sight.width_px >= 90]
    assert len(large) >= 5
    for seq, sight in large:
        pixels, height = road.render(seq), sight.quad.box.height
        face = np.percentile(inside(pixels, sight.quad), 85)
        for way in (-1, 1):
            assert face > 1.1 * inside(pixels, moved(sight.quad, way * 1.2 * height)).mean()


def test_a_swaying_camera_moves_picture_and_truth_alike() -> None:
    still, swaying = (clip(Stage(DENSE, IR_NIGHT, shake_px=px)) for px in (0.0, 5.0))
    far = 0.0
    for seq in range(20, 80, 5):
        for one, other in zip(still.sights_at(seq), swaying.sights_at(seq), strict=True):
            far = max(far, *np.abs(np.subtract(one.quad.points, other.quad.points)).ravel())
    assert 2 < far <= 5
    whole = [road.render(60).astype(np.float64) for road in (still, swaying)]
    (dx, dy), _ = cv2.phaseCorrelate(*whole)
    shift = np.subtract(swaying.sights_at(60)[0].quad.top_left, still.sights_at(60)[0].quad.top_left)
    assert (dx, dy) == pytest.approx(tuple(shift), abs=0.6)


def test_day_is_brighter_than_dusk_and_dusk_than_night() -> None:
    day, dusk, night = (float(np.median(empty(c).render(3))) for c in (DAY, DUSK, IR_NIGHT))
    assert day > 1.5 * dusk
    assert dusk > 1.2 * night


def test_rain_falls_differently_in_each_frame_and_takes_contrast() -> None:
    dry = Condition("dry", RAIN.lamp, RAIN.ambient, gain=RAIN.gain)
    wet_road, dry_road = empty(RAIN), empty(dry)
    assert np.count_nonzero(np.abs(wet_road.render(1).astype(int) - wet_road.render(2)) > 20) > 100
    lines, tarmac = (np.percentile(wet_road.render(1), q) for q in (99.0, 20))
    dry_lines, dry_tarmac = (np.percentile(dry_road.render(1), q) for q in (99.0, 20))
    assert tarmac / lines > 1.2 * dry_tarmac / dry_lines


def test_a_wet_road_mirrors_lamps() -> None:
    wet, dry = (
        clip(Stage(Flow(1), Condition("one", headlamps=1.5, wet=wet), zoom=0.7)) for wet in (0.6, 0.0)
    )
    seq = (wet.truth[0].first_frame + wet.truth[0].last_frame) // 2
    below = round(wet.sights_at(seq)[0].quad.box.y1) + 30
    mirrored, plain = (cv2.blur(road.render(seq)[below:].astype(np.float32), (15, 15)) for road in (wet, dry))
    assert np.max(mirrored - plain) > 10


def test_light_switches_at_once() -> None:
    road = empty(DAY, then=IR_NIGHT, then_at_s=0.5)
    before, at, after = (float(np.median(road.render(seq))) for seq in (14, 15, 16))
    assert before > 1.5 * at
    assert at == pytest.approx(after, abs=2)


def test_headlights_sweep_over_and_are_gone_again() -> None:
    road = empty(IR_NIGHT, sweeping_lights=True)
    means = [float(road.render(seq).mean()) for seq in range(0, 60, 3)]
    assert max(means) > 1.3 * min(means)
    assert means[-1] == pytest.approx(min(means), abs=1)


@pytest.mark.parametrize("situation", ["flow", "vans"])
@pytest.mark.parametrize("seed", range(4))
def test_nobody_drives_through_anybody(seed: int, situation: Situation) -> None:
    flow = Flow(20, spacing_s=(0.2, 0.7), situation=situation)
    traffic = make_flow(flow, DAY, np.random.default_rng(seed))
    for time_s in np.arange(0, 30, 0.1):
        for way in ("toward", "away"):
            along = sorted(v.y_m(time_s) for v in traffic if v.direction == way)
            seen = [y for y in along if 1 <= y <= 36]
            assert all(gap >= 7 for gap in np.diff(seen))


def test_a_slow_plate_beside_a_fast_one_stays_sharp() -> None:
    camera, rng = Camera.on_pole(1280, 720), np.random.default_rng(4)
    slow, fast = (
        make_vehicle((CAR_FRONT, UK_SINGLE_ROW, "toward"), 0.0, rng, speed_km_h=(km_h, km_h + 1))
        for km_h in (5.0, 129.0)
    )
    slow, fast = replace(slow, mid_y_m=17.0), replace(fast, mid_y_m=3.0)
    place = Place(camera, IR_NIGHT, rng, own_blur=True)
    both = fast.window(camera, 0.0).union(slow.window(camera, 0.0))  # type: ignore[union-attr,arg-type]
    crispness = []
    for group in ([slow], [slow, fast]):
        picture = place.empty(rng)
        place.repaint(picture, both, group, 0.0, rng)
        box = slow.plate_quad(camera, 0.0).box
        plate = picture[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)].astype(float)
        crispness.append(np.abs(np.diff(plate, axis=0)).mean())
    assert crispness[1] > 0.9 * crispness[0]


def test_a_queue_stops_and_hides_plates_behind_vehicles() -> None:
    road = clip(Stage(Flow(4, situation="queue"), DAY))
    sights = [sight for seq in range(0, road.frame_count, 5) for sight in road.sights_at(seq)]
    assert any(sight.hidden > 0.9 and sight.inside for sight in sights)
    assert len(road.truth) == 4
    for passage in road.truth:
        assert passage.last_frame - passage.first_frame > 5 * 30
        standing = [
            sight.quad.points
            for seq in range(passage.first_frame, passage.last_frame)
            for sight in road.sights_at(seq)
            if sight.plate_text == passage.plate_text
        ]
        assert len(set(standing)) < 0.8 * len(standing)


def test_overtaking_changes_the_order_in_the_picture() -> None:
    traffic = make_flow(Flow(2, situation="overtaking"), DAY, np.random.default_rng(3))
    slow, fast = traffic
    ahead = [slow.y_m(t) < fast.y_m(t) for t in np.arange(1.0, 4.0, 0.05) if 8 < slow.y_m(t) < 26]
    assert ahead[0]
    assert not ahead[-1]


def test_a_parked_car_is_seen_all_the_time_and_then_leaves() -> None:
    road = clip(Stage(Flow(1, situation="parked", gap_s=5.0), DAY))
    (passage,) = road.truth
    assert passage.first_frame == 0
    assert passage.readable_frames >= 5 * 30
    assert road.frame_count > passage.last_frame


def test_who_comes_back_has_two_passages() -> None:
    road = clip(Stage(Flow(1, situation="return", gap_s=2.0), DAY))
    first, second = road.truth
    assert first.plate_text == second.plate_text
    assert second.first_frame - first.last_frame >= 2 * 30


def test_vans_without_plates_have_no_truth_and_show_in_the_picture() -> None:
    road = clip(Stage(Flow(2, situation="vans", spacing_s=(0.1, 0.2)), DAY, least_s=6.0))
    assert road.truth == ()
    assert road.frame_count == 180
    pictures = [road.render(seq).astype(int) for seq in range(0, 90, 5)]
    assert max(float(np.abs(p - pictures[0]).mean()) for p in pictures) > 3
    assert all(road.sights_at(seq) == [] for seq in range(0, 180, 5))


def test_signs_stand_in_the_picture() -> None:
    plain, signed = (clip(Stage(Flow(0), IR_NIGHT, signs=n)).render(0).astype(int) for n in (0, 6))
    assert np.count_nonzero(np.abs(plain - signed) > 40) > 1000


def test_passages_say_how_long_a_plate_can_be_read() -> None:
    road = clip(Stage(DENSE, DUSK))
    for passage in road.truth:
        widths = [
            sight.width_px
            for seq in range(passage.first_frame, passage.last_frame + 1)
            for sight in road.sights_at(seq)
            if sight.plate_text == passage.plate_text and sight.readable
        ]
        assert passage.readable_frames == sum(width >= 70 for width in widths)
        assert passage.condition == "dusk"
        assert passage.lane == (1 if passage.direction == "toward" else 0)
        assert 20 <= passage.speed_km_h <= 130


def test_zoom_makes_plates_larger() -> None:
    small, large = (clip(Stage(Flow(2), DAY, zoom=zoom)).truth[0] for zoom in (0.7, 1.2))
    assert large.max_plate_width_px > small.max_plate_width_px


@pytest.mark.parametrize(("left", "share"), [(100, 0.0), (0, 1.0), (5, 0.5)])
def test_what_stands_before_a_plate_hides_it(left: float, share: float) -> None:
    plate = Quad.of_box(Box(0, 0, 10, 4))
    before = np.array([(left + x, y) for x in (0.0, 30.0) for y in (-5.0, 20.0)] * 2)
    assert hidden_share(plate, [before]) == pytest.approx(share, abs=0.01)
    assert hidden_share(plate, []) == 0


def test_no_plate_in_the_repr_of_a_sight() -> None:
    road = clip(Stage(DENSE, DAY))
    sight = next(s for seq in range(road.frame_count) for s in road.sights_at(seq))
    assert sight.plate_text not in repr(sight)
