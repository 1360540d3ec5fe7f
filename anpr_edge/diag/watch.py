"""Looks at a unit again and again, and tells only what has become otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anpr_edge.diag.condition import Verdict
from anpr_edge.diag.examine import Line

CALM = (Verdict.OK, Verdict.ABSENT)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A verdict, and since when it has stood by the monotonic clock."""

    verdict: Verdict
    since_mono_s: float


class Watch:
    """Remembers what was told of each condition.

    A condition that goes wrong is told once it has been wrong for its `visible_after_s`; one that comes
    right again is told at once. Consequences are not told at all: their root cause is. Neither is what its
    check knows to be a hiccup.
    """

    def __init__(self) -> None:
        self._told: dict[str, Verdict] = {}
        self._seen: dict[str, _Seen] = {}

    def changes(self, lines: Iterable[Line], mono_s: float) -> list[Line]:
        """Of the lines of one examination at `mono_s`, those to tell; of the first one, all that stands."""
        settled = [line for line in lines if not (line.finding.because or line.finding.passing)]
        return [line for line in settled if self._is_news(line, mono_s)]

    def _is_news(self, line: Line, mono_s: float) -> bool:
        code, verdict = line.condition.code, line.finding.verdict
        seen = self._seen.get(code)
        if seen is None or seen.verdict is not verdict:
            seen = self._seen[code] = _Seen(verdict, mono_s)
        told = self._told.get(code)
        if verdict is told:
            return False
        lasted = mono_s - seen.since_mono_s >= line.condition.visible_after_s
        if told is None or verdict in CALM or lasted:
            self._told[code] = verdict
            return True
        return False
