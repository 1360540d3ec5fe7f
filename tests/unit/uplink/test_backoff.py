"""Delays grow, are capped, are spread over their whole range, and start again after success."""

from __future__ import annotations

import random

import pytest

from anpr_edge.uplink.backoff import Backoff


class Longest(random.Random):
    """Always draws the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_ceiling_doubles_up_to_its_limit() -> None:
    backoff = Backoff(Longest(), first_s=1.0, most_s=10.0)
    assert [backoff.next_delay_s() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_success_starts_it_again() -> None:
    backoff = Backoff(Longest(), first_s=1.0, most_s=10.0)
    backoff.next_delay_s()
    backoff.next_delay_s()
    backoff.reset()
    assert backoff.next_delay_s() == 1.0


def test_a_thousand_units_are_spread_over_the_whole_range() -> None:
    delays = [Backoff(random.Random(seed), first_s=8.0).next_delay_s() for seed in range(1000)]
    quarters = [sum(2 * quarter <= delay < 2 * quarter + 2 for delay in delays) for quarter in range(4)]
    assert sum(quarters) == 1000
    assert min(quarters) > 200


@pytest.mark.parametrize(("first_s", "most_s"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0)])
def test_impossible_limits_are_refused(first_s: float, most_s: float) -> None:
    with pytest.raises(ValueError, match="first"):
        Backoff(random.Random(), first_s=first_s, most_s=most_s)
