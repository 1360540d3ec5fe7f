"""The state file of a service, written about once a second: a common head and the service's own part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from anpr_edge import __version__
from anpr_edge.devices.board import resident_mb
from anpr_edge.records import Instant
from anpr_edge.seams import Clock
from anpr_edge.statefile import STATE_SCHEMA, StateFile

EVERY_S = 1.0


def minute(utc_ns: int) -> str:
    """The minute a moment lies in: as finely as health says when a read was kept."""
    return datetime.fromtimestamp(utc_ns // (60 * 10**9) * 60, UTC).isoformat(timespec="minutes")


def moment(utc_s: int) -> str:
    """A second of UTC in ISO 8601."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="seconds")


class StateReport:
    """Writes what a service says of itself, at most once a second unless forced."""

    def __init__(self, process: str, file: StateFile, clock: Clock) -> None:
        self._process = process
        self._file = file
        self._clock = clock
        self._started_ns = clock.now().mono_ns
        self._written_ns: int | None = None

    def write(self, own: Mapping[str, Any], *, force: bool = False) -> dict[str, Any] | None:
        """Write head and `own` part when a second has passed since the last time; returns what it wrote."""
        now = self._clock.now()
        if not force and self._written_ns is not None and now.mono_ns - self._written_ns < EVERY_S * 1e9:
            return None
        self._written_ns = now.mono_ns
        state = {**self._head(now), **own}
        self._file.write(state)
        return state

    def amend(self, own: Mapping[str, Any]) -> None:
        """Write head and `own` part over what the file says, leaving the rest of it as it is."""
        self._file.amend({**self._head(self._clock.now()), **own})

    def _head(self, now: Instant) -> dict[str, Any]:
        return {
            "schema": STATE_SCHEMA,
            "process": self._process,
            "pid": os.getpid(),
            "version": __version__,
            "utc": datetime.fromtimestamp(now.utc_ns / 1e9, UTC).isoformat(timespec="milliseconds"),
            "mono_s": round(now.mono_ns / 1e9, 3),
            "uptime_s": round((now.mono_ns - self._started_ns) / 1e9, 1),
            "rss_mb": resident_mb(),
        }
