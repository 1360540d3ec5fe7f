"""A plate moves, comes to rest, or never moved."""

from __future__ import annotations

import numpy as np

from anpr_edge.records import Box
from anpr_edge.vision.rest import LOOKS_AWAY, SETTLED_S, Rest

SECOND = 1_000_000_000


def at(x: float, width: float = 80.0) -> Box:
    return Box(x, 200, x + width, 200 + width / 4)


def test_trembling_corners_are_no_motion() -> None:
    rest, rng = Rest(at(300), 0), np.random.default_rng(2)
    for step in range(200):
        rest.follow(at(300 + rng.normal(0, 2.0), 80 + rng.normal(0, 1.5)), step * SECOND // 30)
    assert not rest.moved
    assert rest.settled(round(SETTLED_S * SECOND))


def test_a_plate_that_creeps_has_moved_in_the_end() -> None:
    rest = Rest(at(300), 0)
    for step in range(60):
        rest.follow(at(300 + 0.5 * step), step * SECOND // 30)
    assert rest.moved


def test_a_plate_that_only_grows_moves_as_well() -> None:
    rest = Rest(at(300), 0)
    for step, width in enumerate((86, 92, 98, 104), start=1):
        rest.follow(Box(340 - width / 2, 199, 340 + width / 2, 199 + width / 4), step * SECOND // 30)
    assert rest.moved


def test_two_boards_near_each_other_found_by_turns_have_not_moved() -> None:
    upper, lower = at(300), Box(300, 300, 374, 344)
    rest, rng = Rest(lower, 0), np.random.default_rng(3)
    for step in range(60):
        box = upper if step // 4 % 2 else lower
        dx, dy = rng.normal(0, 1.5, 2)
        rest.follow(Box(box.x0 + dx, box.y0 + dy, box.x1 + dx, box.y1 + dy), step * SECOND // 30)
        assert not rest.moved


def test_it_settles_after_it_has_stood_for_long() -> None:
    rest = Rest(at(300), 0)
    rest.follow(at(400), SECOND)
    assert not rest.settled(SECOND + round(SETTLED_S * SECOND) - 1)
    assert rest.settled(SECOND + round(SETTLED_S * SECOND))


def test_a_vehicle_that_passes_before_a_sign_does_not_move_it() -> None:
    rest = Rest(at(300), 0)
    for step in range(90):
        rest.follow(at(300), step * SECOND // 30)
    for step in range(LOOKS_AWAY - 1):
        rest.follow(at(420 + 20 * step), (90 + step) * SECOND // 30)
        assert not rest.moved
    rest.follow(at(300), 100 * SECOND // 30)
    assert not rest.moved


def test_a_parked_vehicle_that_drives_off_has_moved() -> None:
    rest = Rest(at(300), 0)
    for step in range(90):
        rest.follow(at(300), step * SECOND // 30)
    for step in range(LOOKS_AWAY):
        rest.follow(at(330 + 10 * step), (90 + step) * SECOND // 30)
    assert rest.moved


def test_a_first_sight_that_was_inexact_is_no_motion() -> None:
    rest = Rest(at(300, width=100), 0)
    for step in range(1, 120):
        rest.follow(at(310), step * SECOND // 30)
    assert not rest.moved


def test_a_sign_of_two_lines_found_by_turns_has_not_moved() -> None:
    rest, rng = Rest(at(300), 0), np.random.default_rng(4)
    for step in range(1, 300):
        rest.follow(at(330) if rng.random() < 0.2 else at(300), step * SECOND // 30)
        assert step < 4 or not rest.moved


UPPER, LOWER, BOTH = Box(300, 150, 345, 173), Box(300, 180, 345, 203), Box(295, 158, 351, 190)


def wavering() -> Rest:
    """A board found as its upper line, as its lower one and as both, a few frames each."""
    rest = Rest(UPPER, 0)
    for step in range(1, 150):
        rest.follow((UPPER, BOTH, LOWER, BOTH)[step // 7 % 4], step * SECOND // 30)
    return rest


def test_a_board_of_two_lines_found_in_three_places_has_not_moved() -> None:
    assert not wavering().moved


def test_what_wavered_and_then_drives_off_has_moved() -> None:
    rest = wavering()
    for step in range(20):
        rest.follow(at(330 + 20 * step), (150 + step) * SECOND // 30)
    assert rest.moved


def test_a_vehicle_seen_in_three_frames_has_moved() -> None:
    rest = Rest(at(300), 0)
    rest.follow(at(340), SECOND // 30)
    rest.follow(at(380), SECOND // 15)
    assert rest.moved
