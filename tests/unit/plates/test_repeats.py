"""The same text soon after is the same vehicle."""

from __future__ import annotations

from anpr_edge.plates.repeats import Repeats


def test_a_text_repeats_within_the_limit_only() -> None:
    repeats = Repeats(within_ns=100)
    assert not repeats.seen("AB12CDE", 0)
    assert repeats.seen("AB12CDE", 100)
    assert repeats.seen("AB12CDE", 200)  # counted from when it was last seen
    assert not repeats.seen("AB12CDE", 301)


def test_readings_drawn_alike_are_the_same_text() -> None:
    repeats = Repeats(within_ns=100)
    repeats.seen("AO12CDE", 0)
    assert repeats.seen("A012CDE", 1)
    assert not repeats.seen("AB12CDE", 2)


def test_with_a_negative_limit_nothing_repeats() -> None:
    repeats = Repeats(within_ns=-1)
    assert not repeats.seen("AB12CDE", 0)
    assert not repeats.seen("AB12CDE", 0)
