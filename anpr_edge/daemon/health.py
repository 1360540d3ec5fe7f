"""How a service is: heartbeats of its stages, counters, latencies, and the state file that shows them."""

from __future__ import annotations

import json
import math
import os
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from anpr_edge.errors import AnprError
from anpr_edge.seams import Clock

STATE_SCHEMA = 1
"""Version of the state files' layout, their key `schema`."""

STATE_MODE = 0o644

FRESH_S = 5.0
"""A service writes its state each second; it is taken for gone when five are missing."""


@dataclass(frozen=True, slots=True)
class StageAge:
    """How long ago a stage last gave a sign of life; `age_s` is None while it is suspended."""

    stage: str
    age_s: float | None
    limit_s: float

    @property
    def late(self) -> bool:
        return self.age_s is not None and self.age_s > self.limit_s


class Heartbeats:
    """Which stages still work: each has to beat within its own limit, in seconds.

    A stage's first beat is due within its limit from construction. Any thread may call any method.
    """

    def __init__(self, clock: Clock, limits_s: Mapping[str, float]) -> None:
        self._clock = clock
        self._limits_s = dict(limits_s)
        now_ns = clock.now().mono_ns
        self._beats_ns: dict[str, int | None] = dict.fromkeys(limits_s, now_ns)

    def beat(self, stage: str) -> None:
        """Say that `stage` works; also ends its suspension."""
        self._set(stage, self._clock.now().mono_ns)

    def suspend(self, stage: str) -> None:
        """Expect nothing of `stage` until its next beat: it has ended, or waits for something legitimate."""
        self._set(stage, None)

    def ages(self) -> list[StageAge]:
        """Every stage, in the order they were declared."""
        now_ns = self._clock.now().mono_ns
        return [
            StageAge(stage, None if beat_ns is None else (now_ns - beat_ns) / 1e9, self._limits_s[stage])
            for stage, beat_ns in list(self._beats_ns.items())
        ]

    def late(self) -> list[StageAge]:
        """The stages that are overdue; empty when all is well."""
        return [age for age in self.ages() if age.late]

    def state(self) -> dict[str, dict[str, float | None]]:
        """The `stages` part of a state file."""
        return {
            age.stage: {"age_s": None if age.age_s is None else round(age.age_s, 3), "limit_s": age.limit_s}
            for age in self.ages()
        }

    def _set(self, stage: str, beat_ns: int | None) -> None:
        if stage not in self._beats_ns:
            raise KeyError(f"no stage {stage!r}; declared are {', '.join(self._beats_ns)}")
        self._beats_ns[stage] = beat_ns


class Counters:
    """Counts by cause, from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    def add(self, cause: str, count: int = 1) -> None:
        """Count `count` more of `cause`; nothing is noted for 0."""
        if count:
            with self._lock:
                self._counts[cause] += count

    def state(self) -> dict[str, int]:
        """Every cause counted so far."""
        with self._lock:
            return dict(self._counts)


class Latencies:
    """The last `size` durations in milliseconds, and their percentiles."""

    def __init__(self, size: int = 512) -> None:
        self._lock = Lock()
        self._values: deque[float] = deque(maxlen=size)

    def add(self, milliseconds: float) -> None:
        with self._lock:
            self._values.append(milliseconds)

    def percentile(self, percent: float) -> float | None:
        """The smallest value that `percent` of them (0 to 100) do not exceed; None before the first.

        Source: nearest-rank definition, NIST/SEMATECH e-Handbook §7.2.6.2.
        """
        with self._lock:
            ordered = sorted(self._values)
        if not ordered:
            return None
        rank = math.ceil(percent / 100 * len(ordered))
        return ordered[max(0, min(rank, len(ordered)) - 1)]


class StateFile:
    """A process's state for `status` and `doctor`: one small JSON file, replaced whole.

    It holds no secret and no plate and lives in memory-backed `/run`, so it is readable by all and never
    synced. A state that cannot be written is counted in `failures`; the service goes on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failures = 0
        self._draft = path.with_name(f".{path.name}.new")

    def write(self, state: Mapping[str, Any]) -> bool:
        """Replace the file with `state`; False when the system would not let us."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, STATE_MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(descriptor, STATE_MODE)
                json.dump(state, file, separators=(",", ":"))
            self._draft.replace(self.path)
        except OSError:
            self.failures += 1
            return False
        return True


def read_state(path: Path) -> dict[str, Any] | None:
    """What a process last said of itself; None when it never did.

    Raises: AnprError when the file cannot be read or is not a state file.
    """
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AnprError(f"{path}: cannot read the state: {error.strerror}") from error
    except ValueError as error:
        raise AnprError(f"{path}: not a state file: {error}") from error
    if not isinstance(state, dict) or state.get("schema") != STATE_SCHEMA:
        raise AnprError(f"{path}: not a state file of version {STATE_SCHEMA}")
    return state


def is_fresh(state: Mapping[str, Any], mono_s: float) -> bool:
    """True when the process that wrote `state` still runs, as far as its age by CLOCK_MONOTONIC tells.

    An age below nothing is from before the last boot.
    """
    age_s = mono_s - float(state.get("mono_s", math.inf))
    return state.get("state") != "finished" and 0 <= age_s <= FRESH_S
