"""How many reads each feed got, and did not get, day by day: for the public, so without anything of a read.

One JSON file for each service: `{"schema": 1, "days": {"2026-11-26": {"charging": {"given": 3, …}}}}`, days
in UTC. It is written each minute and when the service stops: a power cut loses the last minute's counts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final

from anpr_edge.durable import replace_whole
from anpr_edge.errors import AnprError
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

COUNTS_SCHEMA: Final = 1
MOST_DAYS: Final = 400
SAVE_EVERY_NS: Final = 60 * 10**9
COUNTS_MODE: Final = 0o644

SENT: Final = "sent"
"""What the uplink counts; the reader counts the rulings of the policy by their names."""

Days = dict[str, dict[str, dict[str, int]]]


def counts_file(state_dir: Path, process: str) -> Path:
    """Where a service keeps its counts."""
    return state_dir / f"counts-{process}.json"


class DailyCounts:
    """Counts of one service, safe to use from several threads. A file that cannot be read is begun anew."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = Lock()
        self._changed = False
        self._saved_ns = clock.now().mono_ns
        self._days: Days = {}
        try:
            self._days = read_counts(path)
        except AnprError as error:
            log.error("%s; counting begins anew", error)

    def add(self, feed: str, what: str, count: int = 1) -> None:
        """Count so many more today."""
        day = self._day()
        with self._lock:
            counts = self._days.setdefault(day, {}).setdefault(feed, {})
            counts[what] = counts.get(what, 0) + count
            self._changed = True

    def today(self, feed: str) -> dict[str, int]:
        """What was counted of this feed today."""
        day = self._day()
        with self._lock:
            return dict(self._days.get(day, {}).get(feed, {}))

    def save_if_due(self) -> None:
        """Write the file when a minute has passed since it was written."""
        if self._clock.now().mono_ns - self._saved_ns >= SAVE_EVERY_NS:
            self.close()

    def close(self) -> None:
        """Write what was counted; more may follow."""
        with self._lock:
            self._saved_ns = self._clock.now().mono_ns
            if not self._changed:
                return
            self._days = dict(sorted(self._days.items())[-MOST_DAYS:])
            try:
                self._write()
            except OSError as error:
                log.error("%s: %s", self._path, error.strerror)
                return
            self._changed = False

    def _day(self) -> str:
        return f"{datetime.fromtimestamp(self._clock.now().utc_ns / 1e9, UTC):%Y-%m-%d}"

    def _write(self) -> None:
        document = json.dumps({"schema": COUNTS_SCHEMA, "days": self._days}, separators=(",", ":"))
        replace_whole(self._path, document.encode(), COUNTS_MODE)


def read_counts(path: Path) -> Days:
    """What a service has counted; nothing when it never did. Raises: AnprError."""
    with suppress(FileNotFoundError):
        try:
            found: Any = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise AnprError(f"{path}: no counts: {type(error).__name__}", hint="run it as root") from None
        if not isinstance(found, dict) or found.get("schema") != COUNTS_SCHEMA:
            raise AnprError(f"{path}: not a file of counts of version {COUNTS_SCHEMA}")
        return dict(found["days"])
    return {}


def merged(*counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Days:
    """The counts of several services, which count different things."""
    days: Days = {}
    for one in counts:
        for day, feeds in one.items():
            for feed, numbers in feeds.items():
                days.setdefault(day, {}).setdefault(feed, {}).update(numbers)
    return dict(sorted(days.items()))
