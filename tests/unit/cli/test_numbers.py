"""What a number on the command line may be, and what is said of one that may not."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from anpr_edge.cli.numbers import between, whole


def test_numbers_within_the_limits_are_taken() -> None:
    assert [whole(1)("1"), whole(1)("1000000"), whole(0, 5)("5")] == [1, 1_000_000, 5]
    assert [between(0, 1)("0"), between(0, 1)("1"), between(0.1)("1e3")] == [0.0, 1.0, 1000.0]


@pytest.mark.parametrize("text", ["0", "-1", "9", "1.5", "", "one", "٣"])
def test_what_is_not_a_whole_number_within_the_limits_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="must be a whole number, 1 to 8"):
        whole(1, 8)(text)


@pytest.mark.parametrize("text", ["-0.1", "1.1", "nan", "inf", "", "one"])
def test_what_is_not_a_number_within_the_limits_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="must be 0 to 1"):
        between(0, 1)(text)


def test_a_number_without_an_upper_limit_must_still_be_finite() -> None:
    with pytest.raises(ArgumentTypeError, match=r"must be 0\.1 or more"):
        between(0.1)("inf")
