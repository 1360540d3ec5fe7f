"""How a service is: heartbeats of its stages, counters, rates and latencies."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from anpr_edge.seams import Clock


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

    A stage's first beat is due within its limit from construction; of those in `idle` nothing is expected
    before it. Any thread may call any method.
    """

    def __init__(self, clock: Clock, limits_s: Mapping[str, float], idle: Collection[str] = ()) -> None:
        self._clock = clock
        self._limits_s = dict(limits_s)
        now_ns = clock.now().mono_ns
        self._beats_ns: dict[str, int | None] = {
            stage: None if stage in idle else now_ns for stage in limits_s
        }

    def beat(self, stage: str) -> None:
        """Say that `stage` works; also ends its suspension."""
        self._set(stage, self._clock.now().mono_ns)

    def suspend(self, stage: str) -> None:
        """Expect nothing of `stage` until its next beat: it has ended, or waits for something legitimate."""
        self._set(stage, None)

    @contextmanager
    def doing(self, stage: str) -> Iterator[None]:
        """Expect the stage to beat, or this block to end, within its limit; nothing of it afterwards."""
        self.beat(stage)
        try:
            yield
        finally:
            self.suspend(stage)

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


RATE_OVER_S = 60.0
"""Time over which a rate is taken."""


class Rates:
    """How much a second each of some counts has grown, over the last minute.

    Tell it the counts now and then; a rate is None until it has seen them twice.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[tuple[int, dict[str, int]]] = deque()

    def note(self, counts: Mapping[str, int]) -> None:
        """Take the counts of this moment; within a second of the last ones they are passed over."""
        now_ns = self._clock.now().mono_ns
        if self._seen and now_ns - self._seen[-1][0] < 1e9:
            return
        self._seen.append((now_ns, dict(counts)))
        while now_ns - self._seen[0][0] > RATE_OVER_S * 1e9 and len(self._seen) > 2:
            self._seen.popleft()

    def per_s(self, count: str) -> float | None:
        """How fast a count has grown."""
        if len(self._seen) < 2:
            return None
        (first_ns, first), (last_ns, last) = self._seen[0], self._seen[-1]
        return round((last.get(count, 0) - first.get(count, 0)) / ((last_ns - first_ns) / 1e9), 3)


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
