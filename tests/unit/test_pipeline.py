"""Frames in, exactly one read for each vehicle out. Detector and recogniser are scripted at their seams."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Box, Frame, Instant, PlateRead
from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.view import View
from tests.scripted_road import ScriptedRoad

FRAME_NS = 33_333_333
DARK = np.zeros((720, 1280), np.uint8)


def approach(frames: int, x: float = 300.0, width: float = 80.0, growth: float = 1.02) -> list[Box]:
    """The boxes of a plate that comes nearer."""
    boxes = []
    for step in range(frames):
        w = width * growth**step
        boxes.append(Box(x + 3 * step, 200 + 6 * step, x + 3 * step + w, 200 + 6 * step + w / 4))
    return boxes


def drive(
    road: ScriptedRoad, reader: PlateReader, frames: int, pixels: NDArray[np.uint8] = DARK
) -> dict[int, list[PlateRead]]:
    """The reads by the frame they came with; those of `finish` under -1."""
    reads = {}
    for number in range(frames):
        road.frame = number
        reads[number] = reader.step(Frame(number, Instant(0, number * FRAME_NS, 1.0), pixels))
    reads[-1] = reader.finish()
    return {number: given for number, given in reads.items() if given}


def reader_of(road: ScriptedRoad, **settings: float) -> PlateReader:
    return PlateReader(road, road, **settings)  # type: ignore[arg-type]


def texts(reads: Mapping[int, list[PlateRead]]) -> list[str]:
    return sorted(read.plate_text for given in reads.values() for read in given)


def test_a_vehicle_is_one_read_when_it_has_left() -> None:
    road = ScriptedRoad({"AB12CDE": (5, approach(20))})
    reader = reader_of(road, max_misses=3)
    reads = drive(road, reader, 60)
    assert list(reads) == [5 + 20 + 3]
    (read,) = reads[28]
    assert (read.plate_text, read.syntax, read.region) == ("AB12CDE", "gb:current", "GB")
    assert read.first.mono_ns == 5 * FRAME_NS
    assert read.last.mono_ns == 24 * FRAME_NS
    assert read.frames_used + reader.counts.spared == 20
    assert read.model_ids == (road.model_id, road.model_id)
    assert read.fix is None
    assert 0.9 < read.confidence <= 1
    assert len(read.char_confidences) == 7


def test_vehicles_side_by_side_are_one_read_each() -> None:
    road = ScriptedRoad(
        {
            "AB12CDE": (0, approach(20)),
            "XY34FGH": (3, approach(20, x=700)),
            "KL56MNP": (40, approach(10)),
        }
    )
    assert texts(drive(road, reader_of(road), 80)) == ["AB12CDE", "KL56MNP", "XY34FGH"]


def test_the_source_may_end_with_a_vehicle_in_view() -> None:
    road = ScriptedRoad({"AB12CDE": (5, approach(20))})
    assert list(drive(road, reader_of(road), 15)) == [-1]


def test_a_vehicle_that_stays_is_read_after_the_delay_and_only_once() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(90, growth=1.0))})
    reader = reader_of(road, max_delay_ms=1000)
    reads = drive(road, reader, 120)
    assert list(reads) == [31]
    assert texts(reads) == ["AB12CDE"]
    assert road.looks == 3
    assert reader.counts.reads == 1


def test_a_vehicle_whose_track_broke_is_read_once() -> None:
    boxes: list[Box | None] = [*approach(40)]
    boxes[15:25] = [None] * 10
    road = ScriptedRoad({"AB12CDE": (0, boxes)})
    reader = reader_of(road)
    assert texts(drive(road, reader, 60)) == ["AB12CDE"]
    assert (reader.counts.reads, reader.counts.repeats) == (1, 1)


def test_the_same_vehicle_much_later_is_read_again() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(20))})
    reader = reader_of(road, repeat_within_ms=0)
    assert texts(drive(road, reader, 40)) == ["AB12CDE"]
    road.passages = {"AB12CDE": (50, approach(20))}
    assert texts(drive(road, reader, 90)) == ["AB12CDE"]


def test_a_glimpse_is_not_a_read() -> None:
    road = ScriptedRoad({"AB12CDE": (5, approach(1))})
    reader = reader_of(road, min_matches=2)
    assert drive(road, reader, 20) == {}
    assert reader.counts.unreadable == 0


def test_an_unsure_plate_is_counted_not_guessed() -> None:
    road = ScriptedRoad({"AB12CDE": (5, approach(3))}, certainty=0.3)
    reader = reader_of(road, min_confidence=0.9)
    assert drive(road, reader, 20) == {}
    assert reader.counts.unreadable == 1


def test_a_plate_too_small_is_followed_but_not_looked_at() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(20, width=50, growth=1.05))})
    reader = reader_of(road, min_plate_width_px=70)
    (read,) = drive(road, reader, 40)[23]
    assert reader.counts.too_small == 7
    assert read.frames_used + reader.counts.spared == 13
    assert read.first.mono_ns == 0


@pytest.mark.parametrize(("growth", "direction"), [(1.03, "toward"), (0.97, "away"), (1.0, None)])
def test_direction_follows_from_the_plates_size(growth: float, direction: str | None) -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(20, width=100, growth=growth))})
    (read,) = drive(road, reader_of(road), 40)[23]
    assert read.direction == direction


def test_a_still_road_is_searched_on_the_heartbeat_only() -> None:
    road = ScriptedRoad({})
    reader = PlateReader(road, road, gate=MotionGate(), heartbeat_frames=10)
    drive(road, reader, 50)
    assert road.searched == [0, 9, 19, 29, 39, 49]
    assert reader.counts.gated == 44


def test_a_gate_that_sees_nothing_costs_no_read() -> None:
    road = ScriptedRoad({"AB12CDE": (3, approach(30))})
    reader = PlateReader(road, road, gate=MotionGate(), heartbeat_frames=10)
    assert texts(drive(road, reader, 80)) == ["AB12CDE"]


def test_the_same_frames_give_the_same_reads() -> None:
    passages = {"AB12CDE": (0, approach(20)), "XY34FGH": (3, approach(20, x=700))}
    runs = []
    for _ in range(2):
        road = ScriptedRoad(passages)
        runs.append(drive(road, reader_of(road), 60))
    assert runs[0] == runs[1]


def test_every_frame_and_detection_is_counted() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(20))})
    reader = reader_of(road)
    drive(road, reader, 40)
    assert dataclasses.asdict(reader.counts) == {
        "frames": 40,
        "gated": 0,
        "restarts": 0,
        "detections": 20,
        "outside": 0,
        "too_small": 0,
        "spared": 14,
        "previews": 0,
        "reads": 1,
        "reminders": 0,
        "repeats": 0,
        "unreadable": 0,
        "lettering": 0,
    }


@st.composite
def traffic(draw: st.DrawFn) -> dict[str, tuple[int, list[Box | None]]]:
    """Up to four vehicles, each in its lane, sometimes hidden for as long as a track survives."""
    passages: dict[str, tuple[int, list[Box | None]]] = {}
    for lane in range(draw(st.integers(1, 4))):
        boxes: list[Box | None] = [*approach(draw(st.integers(8, 25)), x=50 + 300 * lane)]
        hidden = draw(st.integers(3, len(boxes) - 2))
        gap = min(draw(st.integers(0, 3)), len(boxes) - 2 - hidden)
        boxes[hidden : hidden + gap] = [None] * gap
        passages[f"AB1{lane}CDE"] = (draw(st.integers(0, 40)), boxes)
    return passages


@settings(max_examples=100, deadline=None)
@given(traffic())
def test_whatever_the_traffic_every_vehicle_is_read_exactly_once(
    passages: dict[str, tuple[int, list[Box | None]]],
) -> None:
    road = ScriptedRoad(passages)
    assert texts(drive(road, reader_of(road, max_misses=3), 75)) == sorted(passages)


def test_stills_are_scenes_of_their_own() -> None:
    here, there = Box(300, 200, 400, 225), Box(305, 202, 405, 227)
    road = ScriptedRoad({"AB12CDE": (0, [here, there]), "XY34FGH": (2, [here])})
    reader = PlateReader(road, road, stills=True)
    reads = drive(road, reader, 3)
    assert [[read.plate_text for read in given] for given in reads.values()] == [
        ["AB12CDE"],
        ["AB12CDE"],
        ["XY34FGH"],
    ]
    assert {read.frames_used for given in reads.values() for read in given} == {1}


LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


def test_only_the_view_is_read_and_lanes_are_named() -> None:
    passages = {"AB12CDE": (0, approach(20)), "XY34FGH": (3, approach(20, x=900))}
    lanes = View(lanes={"near": LEFT, "far": RIGHT})
    given = drive(road := ScriptedRoad(passages), PlateReader(road, road, view=lanes), 60)
    assert {read.plate_text: read.lane for reads in given.values() for read in reads} == {
        "AB12CDE": "near",
        "XY34FGH": "far",
    }
    for view in (View(regions=(LEFT,)), View(exclusions=(RIGHT,))):
        reader = PlateReader(road, road, view=view)
        assert texts(drive(road, reader, 60)) == ["AB12CDE"]
        assert (reader.counts.detections, reader.counts.outside) == (40, 20)


def parked(frames: int, x: float = 300.0) -> list[Box | None]:
    return [Box(x, 200, x + 80, 220)] * frames


def test_a_parked_vehicle_is_one_read_and_then_sparse_reminders() -> None:
    road = ScriptedRoad({"AB12CDE": (0, parked(900))})
    reader = PlateReader(road, road, remind_every_s=10)
    reads = drive(road, reader, 900)
    assert [read.plate_text for given in reads.values() for read in given] == ["AB12CDE"] * 3
    assert {read.first.mono_ns for given in reads.values() for read in given} == {0}
    assert (reader.counts.reads, reader.counts.reminders) == (1, 2)


def test_a_parked_vehicle_hidden_now_and_then_is_still_one_read() -> None:
    boxes = parked(900)
    for start in range(100, 900, 100):
        boxes[start : start + 20] = [None] * 20
    road = ScriptedRoad({"AB12CDE": (0, boxes)})
    assert texts(drive(road, PlateReader(road, road), 900)) == ["AB12CDE"]


def test_lettering_that_never_moves_is_counted_not_read() -> None:
    road = ScriptedRoad({"SL0W": (0, parked(100)), "A40": (0, parked(100, x=700))})
    reader = PlateReader(road, road)
    assert drive(road, reader, 120) == {}
    assert (reader.counts.lettering, reader.counts.unreadable) == (2, 0)


def test_a_text_of_no_known_pattern_is_read_once_it_moves() -> None:
    road = ScriptedRoad({"WA12A34": (0, [*parked(100), *approach(20)])})
    assert texts(drive(road, reader_of(road), 140)) == ["WA12A34"]


def test_what_has_settled_is_searched_on_the_heartbeat_only() -> None:
    road = ScriptedRoad({"SL0W": (0, parked(300))})
    reader = PlateReader(road, road, gate=MotionGate(), heartbeat_frames=10, max_delay_ms=1000)
    drive(road, reader, 300)
    assert [frame for frame in road.searched if frame > 65] == list(range(69, 300, 10))


def test_time_that_runs_backwards_ends_what_was_followed_and_starts_afresh() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(20))})
    reader = reader_of(road)
    for again in range(2):
        for number in range(15):
            road.frame = number
            reads = reader.step(Frame(number, Instant(0, number * FRAME_NS, 1.0), DARK))
            assert [read.plate_text for read in reads] == (["AB12CDE"] if again and number == 0 else [])
    assert [read.plate_text for read in reader.finish()] == ["AB12CDE"]
    assert reader.counts.restarts == 1


def test_another_picture_size_ends_what_was_followed() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(20))})
    reader = reader_of(road)
    drive_until = 10
    for number in range(drive_until):
        road.frame = number
        reader.step(Frame(number, Instant(0, number * FRAME_NS, 1.0), DARK))
    reads = reader.step(Frame(10, Instant(0, 10 * FRAME_NS, 1.0), DARK[:600]))
    assert [read.plate_text for read in reads] == ["AB12CDE"]


def test_what_is_read_surely_is_looked_at_again_only_when_it_has_grown() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(40, growth=1.01))})
    reader = reader_of(road)
    drive(road, reader, 60)
    assert road.looks == 3 + 3  # at once, and 15 % larger; it left before it was that much larger again
    assert reader.counts.spared == 40 - road.looks


def test_what_is_not_sure_is_looked_at_in_every_third_frame() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(40, growth=1.0))}, certainty=0.3)
    drive(road, reader_of(road), 60)
    assert road.looks == 2 + 13


def test_what_is_not_sure_and_grows_fast_is_looked_at_in_every_other_frame() -> None:
    road = ScriptedRoad({"AB12CDE": (0, approach(21, growth=1.05))}, certainty=0.3)
    drive(road, reader_of(road), 40)
    assert road.looks == 3 + 9


def test_the_detector_is_told_where_a_plate_is_that_nobody_will_read() -> None:
    boxes = approach(40, growth=1.0)
    road = ScriptedRoad({"AB12CDE": (0, boxes)})
    reader = reader_of(road)
    told = []
    for number, box in enumerate(boxes):
        road.frame = number
        reader.step(Frame(number, Instant(0, number * FRAME_NS, 1.0), DARK))
        told.append(len(road.known))
        assert all(known.iou(box) > 0.99 for known in road.known)
    assert reader.counts.spared == 37
    # seen elsewhere in half of its frames, it is surely no sign
    assert told == [0] * 7 + [1] * 33


def test_the_detector_looks_closely_at_what_does_not_move() -> None:
    road = ScriptedRoad({"SL0W": (0, [Box(300, 200, 380, 220)] * 40)})
    reader = reader_of(road)
    for number in range(40):
        road.frame = number
        reader.step(Frame(number, Instant(0, number * FRAME_NS, 1.0), DARK))
        assert not road.known
    assert reader.counts.spared == 37


def test_a_text_that_may_be_half_hidden_waits_longer_and_its_whole_is_one_read() -> None:
    creeping = [Box(300, 200 + step, 380, 220 + step) for step in range(90)]
    road = ScriptedRoad({"DK59T": (0, creeping), "DK59TPP": (90, approach(20, x=310))})
    assert texts(drive(road, reader_of(road), 140)) in (["DK59T"], ["DK59TPP"])


@pytest.mark.parametrize("words", ["FLORIST", "BAKERY", "0134960345", "CALL0800X", "24HGLASS"])
def test_words_and_telephone_numbers_on_vans_are_counted_not_read(words: str) -> None:
    road = ScriptedRoad({words: (0, approach(20)), "AB12CDE": (0, approach(20, x=800))})
    reader = reader_of(road)
    assert texts(drive(road, reader, 40)) == ["AB12CDE"]
    assert reader.counts.lettering == 1
    everything = reader_of(road, any_text=True)
    assert texts(drive(road, everything, 40)) == sorted([words, "AB12CDE"])


def test_a_preview_comes_once_and_early_and_its_read_has_the_same_first_instant() -> None:
    road = ScriptedRoad({"AB12CDE": (5, approach(20))})
    given = drive(road, reader_of(road, previews=True), 60)
    assert [(frame, read.preview) for frame, reads in given.items() for read in reads] == [
        (7, True),
        (28, False),
    ]
    assert {read.first.mono_ns for reads in given.values() for read in reads} == {5 * FRAME_NS}


def test_a_vehicle_whose_track_broke_is_announced_once() -> None:
    boxes: list[Box | None] = [*approach(40)]
    boxes[15:25] = [None] * 10
    road = ScriptedRoad({"AB12CDE": (0, boxes)})
    reader = reader_of(road, previews=True)
    drive(road, reader, 60)
    assert (reader.counts.previews, reader.counts.reads) == (1, 1)
