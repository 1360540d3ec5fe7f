"""Each vehicle has one vote, and a single odd one moves nothing."""

from __future__ import annotations

import pytest

from anpr_edge.devices.passages import Look, Passages, look


def vote(passages: Passages, *lights: float, guess: bool = False) -> float | None:
    for light in lights:
        passages.add(Look(light, guess))
    return passages.close()


@pytest.mark.parametrize(("grey", "light"), [(150, 400), (75, 800), (225, 400 * 150 / 225)])
def test_a_plate_calls_for_as_much_more_light_as_it_is_too_dark(grey: float, light: float) -> None:
    seen = look(400, grey, 0.0, 150)
    assert seen.light == pytest.approx(light)
    assert not seen.guess


def test_the_more_of_a_plate_is_white_the_less_light_it_calls_for() -> None:
    lights = [look(400, 255, share, 150) for share in (0.11, 0.3, 0.7, 1.0)]
    assert [one.light for one in lights] == sorted((one.light for one in lights), reverse=True)
    assert all(one.guess for one in lights)
    assert lights[-1].light < 100


def test_a_black_plate_is_a_guess() -> None:
    assert look(400, 0, 0.0, 150) == Look(400 * 150 / 4, guess=True)


def test_a_vehicle_seen_in_many_frames_has_no_more_votes_than_one_that_rushes_by() -> None:
    passages = Passages()
    vote(passages, 100, 110)
    vote(passages, 100, 90)
    assert vote(passages, *[900.0] * 500) == 105


def test_one_dirty_plate_among_clean_ones_changes_nothing() -> None:
    passages = Passages()
    for light in (100, 101, 102, 103):
        vote(passages, light, light)
    assert vote(passages, 800, 800) == 102


def test_five_vehicles_are_remembered() -> None:
    passages = Passages()
    for light in (100, 100, 100, 100, 100, 700, 700, 700):
        wanted = vote(passages, light, light)
    assert wanted == 700


def test_a_detection_that_comes_once_is_no_vehicle() -> None:
    passages = Passages()
    assert vote(passages, 100) is None
    assert not passages.open


def test_guesses_are_forgotten_once_acted_on() -> None:
    passages = Passages()
    for _ in range(3):
        vote(passages, 60, 60, guess=True)
    passages.keep_near(60)
    assert vote(passages, 100, 100) == 100


def test_votes_from_before_a_change_do_not_undo_it() -> None:
    passages = Passages()
    for light in (100, 100, 20, 20, 24):
        vote(passages, light, light)
    passages.keep_near(20)
    assert vote(passages, 30, 30) == 22
