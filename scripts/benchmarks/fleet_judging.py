"""What arrived, by the centre's own store: numbers for loss, times for delay."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Stored:
    """One read as the store has it; `lane` is the phase it was made in."""

    unit: str
    seq: int
    lane: str
    delay_s: float
    received_s: float


def from_jsonl(path: Path) -> Iterator[Stored]:
    """The reads of `anpr-central subscribe --store FILE`."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            kept = json.loads(line)
            received_s = datetime.fromisoformat(kept["received_utc"]).timestamp()
            first_s = datetime.fromisoformat(kept["read"]["first_utc"]).timestamp()
            yield Stored(kept["unit"], kept["seq"], kept["read"]["lane"], received_s - first_s, received_s)


STORES: Mapping[str, tuple[Callable[[Path], str], Callable[[Path], Iterable[Stored]]]] = {
    "jsonl": (lambda folder: str(folder / "reads.jsonl"), lambda folder: from_jsonl(folder / "reads.jsonl")),
}
"""For each kind of store: what `--store` gets in a folder, and how its reads are read afterwards."""


def account(
    given: Mapping[str, tuple[int, int]], stored: Iterable[Stored], kept: Mapping[str, Iterable[int]]
) -> dict[str, int]:
    """Where each number that was given out is.

    `lost` are those that are neither at the centre nor in their unit's outbox; there must be none.
    """
    here: dict[str, set[int]] = defaultdict(set)
    twice = 0
    for one in stored:
        twice += one.seq in here[one.unit]
        here[one.unit].add(one.seq)
    lost = waiting = made = strange = 0
    for unit, (first, count) in given.items():
        numbers = set(range(first, first + count)) if count else set()
        missing = numbers - here[unit]
        made += count
        waiting += len(missing & set(kept.get(unit, ())))
        lost += len(missing - set(kept.get(unit, ())))
        strange += len(here[unit] - numbers)
    return {"made": made, "stored": made - lost - waiting, "waiting": waiting, "lost": lost,
            "stored_twice": twice, "never_made": strange}  # fmt: skip


def delays(stored: Iterable[Stored]) -> dict[str, dict[str, Any]]:
    """For each phase how many reads came and how long they took, in seconds: p50, p95, p99, highest."""
    by_lane: dict[str, list[float]] = defaultdict(list)
    for one in stored:
        by_lane[one.lane].append(one.delay_s)
    return {
        lane: {
            "reads": len(found),
            **{f"p{percent}_s": round(percentile(found, percent), 3) for percent in (50, 95, 99)},
            "most_s": round(max(found), 3),
        }
        for lane, found in sorted(by_lane.items())
    }


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that `percent` of them do not exceed.

    Source: nearest-rank definition, NIST/SEMATECH e-Handbook §7.2.6.2.
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def busiest(times_s: Iterable[float]) -> int:
    """The most of them within one second of the clock."""
    counts: dict[int, int] = defaultdict(int)
    for each in times_s:
        counts[int(each)] += 1
    return max(counts.values(), default=0)
