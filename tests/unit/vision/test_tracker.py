"""One plate is one track, however it moves and whoever it meets."""

from __future__ import annotations

from collections.abc import Sequence

from anpr_edge.records import Box, Detection, Instant, Quad
from anpr_edge.vision.tracker import Tracker, TrackerUpdate

FRAME_NS = 33_333_333


def plate(x: float, y: float, width: float = 80.0) -> Detection:
    """A plate centred at (x, y)."""
    box = Box(x - width / 2, y - width / 8, x + width / 2, y + width / 8)
    return Detection(box, Quad.of_box(box), 0.9)


class Road:
    """Feeds a tracker frame by frame."""

    def __init__(self, max_misses: int = 3) -> None:
        self.tracker = Tracker(max_misses)
        self.frame = 0

    def show(self, *detections: Detection) -> TrackerUpdate:
        at = Instant(0, self.frame * FRAME_NS)
        self.frame += 1
        return self.tracker.update(detections, at)

    def ids(self, *detections: Detection) -> list[int]:
        """Track ids of one frame, in the order of the detections."""
        found = {id(m.detection): m.track.track_id for m in self.show(*detections).matched}
        return [found[id(detection)] for detection in detections]


def test_a_plate_keeps_its_track_and_counts_its_matches() -> None:
    road = Road()
    for step in range(5):
        update = road.show(plate(100 + 10 * step, 200 + 4 * step))
    (matched,) = update.matched
    assert (matched.track.track_id, matched.track.matches, matched.track.misses) == (1, 5, 0)
    assert matched.track.first.mono_ns == 0
    assert matched.track.last.mono_ns == 4 * FRAME_NS


def test_a_fast_small_plate_that_never_overlaps_itself_is_one_track() -> None:
    road = Road()
    assert {road.ids(plate(50 + 90 * step, 100 + 60 * step, width=60))[0] for step in range(6)} == {1}


def test_a_plate_is_found_again_where_it_was_going() -> None:
    road = Road(max_misses=3)
    for step in range(4):
        road.show(plate(100 + 30 * step, 200))
    for _ in range(3):
        assert road.show().ended == ()
    assert road.ids(plate(100 + 30 * 7, 200)) == [1]


def test_a_track_ends_after_more_misses_than_allowed() -> None:
    road = Road(max_misses=2)
    road.show(plate(100, 200))
    ended: list[Sequence[object]] = [road.show().ended for _ in range(3)]
    assert [len(e) for e in ended] == [0, 0, 1]
    assert road.tracker.tracks == ()


def test_crossing_plates_keep_their_own_tracks() -> None:
    road = Road()
    for step in range(11):
        ids = road.ids(plate(100 + 40 * step, 200 + 2 * step), plate(500 - 40 * step, 240 - 2 * step))
    assert ids == [1, 2]


def test_two_plates_on_one_vehicle_are_two_tracks() -> None:
    road = Road()
    for step in range(4):
        ids = road.ids(plate(100 + 20 * step, 200), plate(100 + 20 * step, 240))
    assert ids == [1, 2]


def test_a_plate_of_another_size_is_another_plate() -> None:
    road = Road()
    road.show(plate(100, 200, width=40))
    assert road.ids(plate(102, 201, width=90)) == [2]


def test_a_plate_far_away_is_another_plate() -> None:
    road = Road()
    road.show(plate(100, 200))
    assert road.ids(plate(900, 600)) == [2]


def test_a_plate_in_the_next_lane_does_not_continue_one_that_has_just_left() -> None:
    road = Road(max_misses=3)
    for step in range(5):
        road.show(plate(100 + 3 * step, 200 + 6 * step))
    road.show()
    road.show()
    assert road.ids(plate(400, 200)) == [2]


def test_two_frames_with_the_same_time_do_not_upset_it() -> None:
    tracker = Tracker()
    for _ in range(3):
        update = tracker.update([plate(100, 200)], Instant(0, 5))
    assert update.matched[0].track.matches == 3


def test_time_that_goes_back_does_not_upset_it() -> None:
    tracker = Tracker()
    for mono_ns in (5 * FRAME_NS, 6 * FRAME_NS, 2 * FRAME_NS):
        update = tracker.update([plate(100, 200)], Instant(0, mono_ns))
    assert update.matched[0].track.track_id == 1


def test_all_tracks_can_be_ended_at_once() -> None:
    road = Road()
    road.show(plate(100, 200), plate(600, 200))
    assert [track.track_id for track in road.tracker.end_all()] == [1, 2]
    assert road.tracker.tracks == ()
