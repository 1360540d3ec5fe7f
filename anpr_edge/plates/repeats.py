"""Remembers the texts given lately: a broken track, a queue or a parked car must not multiply reads."""

from __future__ import annotations

from dataclasses import dataclass

from anpr_edge.plates.syntax import fold

SHORTEST_PART = 4
"""Fewer characters than this are no evidence of being part of another text."""


@dataclass(slots=True)
class _Known:
    seen_ns: int
    given_ns: int


class Repeats:
    """Decides whether a text is a new vehicle's; readings drawn alike are the same text.

    So are a text and its beginning or end: a plate half hidden by the vehicle ahead is read short.

    A vehicle is the same until its text has not been seen for `within_ns` (none repeats when that is
    negative). While it stays it is due again every `remind_ns`, never when that is 0.
    """

    def __init__(self, within_ns: int, remind_ns: int = 0) -> None:
        self._within_ns = within_ns
        self._remind_ns = remind_ns
        self._known: dict[str, _Known] = {}

    def is_new(self, text: str, mono_ns: int) -> bool:
        """Whether `text` would be a new vehicle's at `mono_ns`; nothing is remembered of the question."""
        self._forget_before(mono_ns - self._within_ns)
        return not self._find(fold(text))

    def due(self, text: str, mono_ns: int) -> bool:
        """Whether `text`, read at `mono_ns`, is to be given: it is new, or a reminder of it is due."""
        self._forget_before(mono_ns - self._within_ns)
        drawn = fold(text)
        known = self._find(drawn)
        if known:
            self._known[drawn] = known
            return self._stays(known, mono_ns)
        self._known[drawn] = _Known(mono_ns, mono_ns)
        return True

    def reminder_due(self, text: str, mono_ns: int) -> bool:
        """Whether `text`, given once and in sight ever since, is to be given again at `mono_ns`."""
        return self._stays(self._known.setdefault(fold(text), _Known(mono_ns, mono_ns)), mono_ns)

    def forget(self) -> None:
        """Take every text for new again."""
        self._known.clear()

    def _find(self, drawn: str) -> _Known | None:
        """What is remembered of this text, or of one that begins or ends with it or it with that."""
        if drawn in self._known:
            return self._known[drawn]
        for other, known in self._known.items():
            short, long = sorted((drawn, other), key=len)
            if len(short) >= SHORTEST_PART and (long.startswith(short) or long.endswith(short)):
                return known
        return None

    def _stays(self, known: _Known, mono_ns: int) -> bool:
        known.seen_ns = mono_ns
        if not self._remind_ns or mono_ns - known.given_ns < self._remind_ns:
            return False
        known.given_ns = mono_ns
        return True

    def _forget_before(self, oldest_ns: int) -> None:
        self._known = {text: known for text, known in self._known.items() if known.seen_ns >= oldest_ns}
