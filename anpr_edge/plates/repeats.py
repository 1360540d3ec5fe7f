"""Remembers the texts given lately, so that a vehicle whose track broke is not read twice."""

from __future__ import annotations

from anpr_edge.plates.syntax import fold


class Repeats:
    """The texts of the last `within_ns` nanoseconds, none if negative; readings drawn alike are the same."""

    def __init__(self, within_ns: int) -> None:
        self._within_ns = within_ns
        self._last_seen: dict[str, int] = {}

    def seen(self, text: str, mono_ns: int) -> bool:
        """Whether `text` was seen within the limit before `mono_ns`; it is remembered either way."""
        oldest = mono_ns - self._within_ns
        self._last_seen = {known: when for known, when in self._last_seen.items() if when >= oldest}
        drawn = fold(text)
        repeated = drawn in self._last_seen
        self._last_seen[drawn] = mono_ns
        return repeated
