"""How long ago things happened, by the time stamps of what is looked at instead of a clock."""

from __future__ import annotations


class Elapsed:
    """Seconds since named events, all of which count as happening when the first time stamp comes.

    When time goes backwards every wait begins anew, so that none ends early or lasts for ever.
    """

    def __init__(self) -> None:
        self._now_ns: int | None = None
        self._began_ns = 0
        self._marks_ns: dict[str, int] = {}

    def tick(self, mono_ns: int) -> None:
        """It is now `mono_ns`."""
        if self._now_ns is None or mono_ns < self._now_ns:
            self._began_ns = mono_ns
            self._marks_ns.clear()
        self._now_ns = mono_ns

    def mark(self, *names: str) -> None:
        """These happen now."""
        self._marks_ns |= dict.fromkeys(names, self._now_ns or 0)

    def since_s(self, name: str) -> float:
        """Seconds since the event last happened, or since the beginning."""
        return ((self._now_ns or 0) - self._marks_ns.get(name, self._began_ns)) / 1e9
