"""Fakes at the seams, shared by the suites; the contract tests hold them to the same promises as the real parts."""

from __future__ import annotations

from anpr_edge.records import Instant

EPOCH_NS = 1_790_000_000_000_000_000


class FakeClock:
    """A clock that moves only when told to, or when somebody sleeps on it."""

    def __init__(self, utc_ns: int = EPOCH_NS, utc_error_ms: float | None = 1.0) -> None:
        self._utc_ns = utc_ns
        self._mono_ns = 0
        self.utc_error_ms = utc_error_ms

    def now(self) -> Instant:
        return Instant(self._utc_ns, self._mono_ns, self.utc_error_ms)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let both clocks run on by `seconds`."""
        step = round(seconds * 1e9)
        self._utc_ns += step
        self._mono_ns += step

    def step_utc(self, seconds: float) -> None:
        """Set the wall clock alone, forward or back, as a time server may."""
        self._utc_ns += round(seconds * 1e9)
