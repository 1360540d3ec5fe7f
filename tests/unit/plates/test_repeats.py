"""The same text soon after is the same vehicle; one that stays is due again now and then."""

from __future__ import annotations

from anpr_edge.plates.repeats import Repeats


def test_a_text_repeats_within_the_limit_only() -> None:
    repeats = Repeats(within_ns=100)
    assert repeats.due("AB12CDE", 0)
    assert not repeats.due("AB12CDE", 100)
    assert not repeats.due("AB12CDE", 200)  # counted from when it was last seen
    assert repeats.due("AB12CDE", 301)


def test_readings_drawn_alike_are_the_same_text() -> None:
    repeats = Repeats(within_ns=100)
    repeats.due("AO12CDE", 0)
    assert not repeats.due("A012CDE", 1)
    assert repeats.due("AB12CDE", 2)


def test_with_a_negative_limit_nothing_repeats() -> None:
    repeats = Repeats(within_ns=-1)
    assert repeats.due("AB12CDE", 0)
    assert repeats.due("AB12CDE", 0)


def test_what_stays_in_sight_is_remembered_and_due_again_at_the_interval() -> None:
    repeats = Repeats(within_ns=100, remind_ns=1000)
    assert repeats.due("AB12CDE", 0)
    due = [now for now in range(50, 3000, 50) if repeats.reminder_due("AB12CDE", now)]
    assert due == [1000, 2000]
    assert not repeats.due("AB12CDE", 2990)


def test_a_track_that_breaks_does_not_hurry_the_reminder() -> None:
    repeats = Repeats(within_ns=100, remind_ns=1000)
    due = [now for now in range(0, 2100, 50) if repeats.due("AB12CDE", now)]
    assert due == [0, 1000, 2000]


def test_what_is_forgotten_is_new() -> None:
    repeats = Repeats(within_ns=100)
    repeats.due("AB12CDE", 0)
    repeats.forget()
    assert repeats.due("AB12CDE", 1)


def test_a_beginning_or_an_end_is_the_same_plate_half_hidden() -> None:
    repeats = Repeats(within_ns=100)
    assert repeats.due("DK59T", 0)
    assert not repeats.due("DK59TPP", 50)
    assert not repeats.due("59TPP", 100)
    assert repeats.due("DK5", 110)  # too short to be evidence
    assert repeats.due("DK59ABC", 120)
    assert repeats.due("DK59TPP", 300)
