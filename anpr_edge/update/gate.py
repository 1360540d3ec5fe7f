"""Whether a new system works well enough to stay: what it must show, for how long, and by when.

Pure: the caller looks at the unit once a second and says what it saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from anpr_edge.statefile import is_fresh

FRAMES_PER_S: Final = 1.0

RESTART_S: Final = 1.0
"""By more than this a service's start cannot move unless it was started again."""

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sight:
    """The unit at one moment. `models` names what is wrong with the models' files, or is empty."""

    mono_s: float
    reader: State | None
    uplink: State | None
    models: str = ""


def troubles(sight: Sight, *, broker_before: bool | None) -> list[str]:
    """What is not as it must be; the broker is excused when it was known to be out of reach before."""
    return [
        trouble
        for trouble in (
            _service("reader", sight.reader, sight.mono_s) or _frames(sight.reader or {}),
            sight.models,
            _service("uplink", sight.uplink, sight.mono_s)
            or ("" if broker_before is False else _broker(sight.uplink or {})),
        )
        if trouble
    ]


def _service(name: str, state: State | None, mono_s: float) -> str:
    if state is None or not is_fresh(state, mono_s):
        return f"the {name} does not run"
    return "" if state["state"] == "running" else f"the {name} is {state['state']}"


def _frames(reader: State) -> str:
    for name, stage in reader.get("stages", {}).items():
        if stage["age_s"] is not None and stage["age_s"] > stage["limit_s"]:
            return f"the reader's stage {name} is late"
    for name in ("capture", "infer"):
        rate = (reader.get("rates") or {}).get(name)
        if rate is None:
            return f"the reader has not run long enough to tell its frames a second ({name})"
        if rate < FRAMES_PER_S:
            return f"the reader's stage {name} does {rate:.1f} frames a second, at least {FRAMES_PER_S:.0f}"
    return ""


def _broker(uplink: State) -> str:
    link = uplink.get("link") or {}
    return "" if link.get("connected") else f"the broker is not reached: {link.get('detail') or 'no word'}"


class Gate:
    """Passes when nothing has been wrong for `hold_s`, fails when that has not come by `limit_s`."""

    def __init__(self, start_s: float, limit_s: float, hold_s: float) -> None:
        self._until_s = start_s + limit_s
        self._hold_s = hold_s
        self._well_since_s: float | None = None
        self._started: tuple[float, ...] = ()
        self.last: Sequence[str] = ("nothing was seen yet",)

    def look(self, sight: Sight, found: Sequence[str]) -> bool | None:
        """Heed one look: True it has passed, False it has failed, None go on."""
        started = _starts(sight)
        pairs = zip(started, self._started, strict=False)
        restarted = self._well_since_s is not None and any(abs(a - b) > RESTART_S for a, b in pairs)
        self._started = started
        self.last = found or (("a service was started again",) if restarted else ())
        if self.last:
            self._well_since_s = None
        elif self._well_since_s is None:
            self._well_since_s = sight.mono_s
        if self._well_since_s is not None and sight.mono_s - self._well_since_s >= self._hold_s:
            return True
        return False if sight.mono_s >= self._until_s else None

    @property
    def why(self) -> str:
        """What stood in the way at the last look."""
        return "; ".join(self.last) or "all was well, for too short a time"


def _starts(sight: Sight) -> tuple[float, ...]:
    """When each service was started: a crash between two looks shows by it."""
    states = (sight.reader or {}, sight.uplink or {})
    return tuple(float(state.get("mono_s", 0)) - float(state.get("uptime_s", 0)) for state in states)
