"""Waiting by time stamps that may do anything."""

from __future__ import annotations

from anpr_edge.devices.elapsed import Elapsed

S = 10**9


def test_everything_counts_as_happening_at_the_first_time_stamp() -> None:
    elapsed = Elapsed()
    elapsed.tick(1000 * S)
    assert elapsed.since_s("move") == 0
    elapsed.tick(1003 * S)
    assert elapsed.since_s("move") == 3


def test_a_mark_begins_its_own_wait_alone() -> None:
    elapsed = Elapsed()
    elapsed.tick(0)
    elapsed.tick(5 * S)
    elapsed.mark("move", "plate")
    elapsed.tick(7 * S)
    assert (elapsed.since_s("move"), elapsed.since_s("plate"), elapsed.since_s("scene")) == (2, 2, 7)


def test_time_that_goes_backwards_begins_every_wait_anew() -> None:
    elapsed = Elapsed()
    for now_s in (100, 105):
        elapsed.tick(now_s * S)
    elapsed.mark("move")
    elapsed.tick(2 * S)
    assert (elapsed.since_s("move"), elapsed.since_s("scene")) == (0, 0)
    elapsed.tick(6 * S)
    assert (elapsed.since_s("move"), elapsed.since_s("scene")) == (4, 4)
