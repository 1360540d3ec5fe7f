"""How much a unit read in each hour of the last five weeks, and how well it saw: for `doctor` alone.

One JSON file of the reader's: `{"schema": 1, "hours": {"2026-11-26T22": {"seconds": 3600, "reads": 9, …}}}`,
hours in UTC. Nothing of any read is in it. A power cut loses what was counted since it was last written.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from anpr_edge.durable import replace_whole
from anpr_edge.errors import AnprError
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

HOURS_SCHEMA: Final = 1
HOURS_FILE: Final = "hours.json"
HOURS_KEPT: Final = 5 * 7 * 24
HOURS_MODE: Final = 0o644
SAVE_EVERY_S: Final = 900.0
"""Four times an hour: some 100 kB each, 10 MB a day, which no card minds."""

LONGEST_TURN_S: Final = 5.0
"""A reader that was away for longer than a state may be old was not looking meanwhile."""

ENOUGH_LOOKS: Final = 30
"""From so many looks on, their median says something."""

Hour = dict[str, float]
Hours = dict[str, Hour]


def hour_name(utc: datetime) -> str:
    """The hour that `utc` lies in, as the file names it."""
    return f"{utc.astimezone(UTC):%Y-%m-%dT%H}"


class HourlyRecord:
    """Fed with the reader's own state, about once a second. A file that cannot be read is begun anew."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._last: tuple[float, int, int] | None = None
        self._saved_s = clock.now().mono_ns / 1e9
        self._hours: Hours = {}
        try:
            self._hours = read_hours(path)
        except AnprError as error:
            log.error("%s; counting begins anew", error)

    def take(self, state: Mapping[str, Any]) -> None:
        """Count what has happened since the last state into the hour of now."""
        now = self._clock.now()
        mono_s = now.mono_ns / 1e9
        total = mono_s, int(state["reads"]["given"]), int(state["reads"]["unreadable"])
        before = self._last or (mono_s, 0, 0)
        self._last = total
        hour = self._hours.setdefault(hour_name(datetime.fromtimestamp(now.utc_ns / 1e9, UTC)), {})
        for name, more in (
            ("seconds", min(total[0] - before[0], LONGEST_TURN_S)),
            ("reads", total[1] - before[1]),
            ("unreadable", total[2] - before[2]),
        ):
            hour[name] = round(hour.get(name, 0) + more, 1)
        self._note_sight(hour, state.get("sight") or {})
        if mono_s - self._saved_s >= SAVE_EVERY_S:
            self.close()

    def close(self) -> None:
        """Write what was counted; more may follow. A file that cannot be written is logged."""
        self._saved_s = self._clock.now().mono_ns / 1e9
        self._hours = dict(sorted(self._hours.items())[-HOURS_KEPT:])
        try:
            _write(self._path, self._hours)
        except OSError as error:
            log.error("%s: %s", self._path, error.strerror)

    @staticmethod
    def _note_sight(hour: Hour, sight: Mapping[str, Any]) -> None:
        plates = sight.get("plates") or {}
        if plates.get("looks", 0) >= ENOUGH_LOOKS and plates.get("contrast") is not None:
            hour["sharpness"], hour["contrast"] = plates["sharpness"], plates["contrast"]
            hour["dark_grey"] = sight["dark_grey"]


def _write(path: Path, hours: Hours) -> None:
    document = json.dumps({"schema": HOURS_SCHEMA, "hours": hours}, separators=(",", ":"))
    replace_whole(path, document.encode(), HOURS_MODE)


def read_hours(path: Path) -> Hours:
    """What was counted, by hour; nothing when it never was.

    Raises: AnprError when the file cannot be read or is of another kind.
    """
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise AnprError(f"{path}: no counts by hour: {type(error).__name__}", hint="run it as root") from None
    if not isinstance(found, dict) or found.get("schema") != HOURS_SCHEMA:
        raise AnprError(f"{path}: not a file of counts by hour of version {HOURS_SCHEMA}")
    return dict(found["hours"])


def earlier_weeks(hours: Mapping[str, Hour], utc: datetime, weeks: int = 4) -> list[Hour]:
    """What the file has of the same hour of the week before `utc`, the latest first."""
    names = [hour_name(utc - timedelta(weeks=back)) for back in range(1, weeks + 1)]
    return [hours[name] for name in names if name in hours]


def earlier_days(hours: Mapping[str, Hour], utc: datetime, days: int = 28) -> list[Hour]:
    """What the file has of the same hour of the day before `utc`, the latest first; not of the last day."""
    names = [hour_name(utc - timedelta(days=back)) for back in range(2, days + 1)]
    return [hours[name] for name in names if name in hours]
