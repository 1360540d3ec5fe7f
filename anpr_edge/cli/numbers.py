"""Numbers on the command line that are refused at once when nothing could be done with them."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """An argparse type: a whole number from `least` to `most`, or of any size."""
    limit = f"a whole number, {least} or more" if most is None else f"a whole number, {least} to {most}"

    def parse(text: str) -> int:
        number = int(text) if text.isascii() and text.isdecimal() else least - 1
        if number < least or (most is not None and number > most):
            raise ArgumentTypeError(f"{text!r}: must be {limit}")
        return number

    return parse


def between(least: float, most: float = math.inf) -> Callable[[str], float]:
    """An argparse type: a finite number from `least` to `most`, both allowed."""
    limit = f"{least:g} or more" if math.isinf(most) else f"{least:g} to {most:g}"

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and least <= number <= most):
            raise ArgumentTypeError(f"{text!r}: must be {limit}")
        return number

    return parse
