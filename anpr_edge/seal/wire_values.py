"""Checks for single values of a decoded record: each gives the value back, or raises `Wrong`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

PROBABILITY_STEPS: Final = 10_000
"""Probabilities travel as whole numbers of 1/10000."""

T = TypeVar("T")


class Wrong(ValueError):
    """A value is not what its field may hold. The message never contains the value."""


def whole(lowest: int, highest: int) -> Callable[[object], int]:
    """A whole number within these limits."""

    def check(value: object) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise Wrong(f"not a whole number from {lowest} to {highest}")
        return value

    return check


def text(longest: int) -> Callable[[object], str]:
    """Text of 1 to `longest` bytes of UTF-8, all of it printable: it may go to a terminal."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not 1 <= len(value.encode()) <= longest or not value.isprintable():
            raise Wrong(f"not printable text of 1 to {longest} bytes")
        return value

    return check


def exactly(size: int) -> Callable[[object], bytes]:
    """This many bytes."""

    def check(value: object) -> bytes:
        if not isinstance(value, bytes) or len(value) != size:
            raise Wrong(f"not {size} bytes")
        return value

    return check


def listed(most: int, each: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """Up to `most` values that each pass `each`."""

    def check(value: object) -> tuple[T, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise Wrong(f"not a list of at most {most}")
        return tuple(map(each, value))

    return check


def maybe(check: Callable[[object], T]) -> Callable[[object], T | None]:
    """Null, or what passes `check`."""
    return lambda value: None if value is None else check(value)


def record(*checks: Callable[[object], object]) -> Callable[[object], tuple[object, ...]]:
    """A list with one value for each check."""

    def check(value: object) -> tuple[object, ...]:
        if not isinstance(value, list) or len(value) != len(checks):
            raise Wrong(f"not a list of {len(checks)}")
        return tuple([one(item) for one, item in zip(checks, value, strict=True)])

    return check


def probability(value: object) -> float:
    """0 to 1."""
    if type(value) is not int or not 0 <= value <= PROBABILITY_STEPS:
        raise Wrong(f"not a whole number from 0 to {PROBABILITY_STEPS}")
    return value / PROBABILITY_STEPS


def to_probability(value: float) -> int:
    """As `probability` reads it, rounded to the nearest step."""
    return round(value * PROBABILITY_STEPS)
