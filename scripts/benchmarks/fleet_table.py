"""What `scripts/bench fleet` prints for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from anpr_edge.cli.output import table

Run = dict[str, Any]


def show(result: dict[str, Any]) -> None:
    """Print the measurement: one column a run."""
    where = result["machine"]
    print(f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}")
    print(f"scale {result['scale']:g}\n")
    runs = result["runs"]
    rows = [[title, *map(_or_dash(value), runs)] for title, value in LINES]
    table(["units", *(run["units"] for run in runs)], rows)


def _or_dash(value: Callable[[Run], object]) -> Callable[[Run], object]:
    """A phase that gave no read has no delay to show."""

    def shown(run: Run) -> object:
        try:
            return value(run)
        except KeyError:
            return "-"

    return shown


def _delay(lane: str) -> Callable[[Run], object]:
    return lambda run: "{p50_s:.2f} / {p95_s:.2f} / {p99_s:.2f}".format(**run["delay"][lane])


def _used(phase: str, role: str) -> Callable[[Run], object]:
    return lambda run: "{cores:.2f}, {resident_mb:.0f} MB".format(**run["phases"][phase][role])


def _connects(run: Run, phase: str) -> str:
    return "{all_within_s} ({busiest_per_s})".format(**run["phases"][phase]["connects"])


def _drained(backlog: Run) -> str:
    return (
        f"{backlog['drain_s']}"
        if backlog["drained"]
        else f"not in {backlog['drain_s']}: {backlog['left']} left"
    )


def _backlog(run: Run) -> str:
    per_s, limit = run["plan"]["backlog_per_s"], run["plan"]["unconfirmed"]
    rule = "unpaced" if per_s is None else f"{per_s:g}"
    return f"{run['backlog']['kept']} ({rule}{'' if limit is None else f', {limit} unconfirmed'})"


def _a_read(phase: str, role: str) -> Callable[[Run], object]:
    return lambda run: run["phases"][phase][role]["processor_ms_a_read"]


LINES: Final[tuple[tuple[str, Callable[[Run], object]], ...]] = (
    ("reads a second, average / peak", lambda run: "{average_per_s} / {peak_per_s}".format(**run["plan"])),
    ("reads made", lambda run: run["reads"]["made"]),
    ("… lost", lambda run: run["reads"]["lost"]),
    ("… still on units at the end", lambda run: run["reads"]["waiting"]),
    ("all connected, s (busiest second)", lambda run: _connects(run, "connect")),
    ("delay steady, p50/p95/p99 s", _delay("steady")),
    ("delay peak", _delay("peak")),
    ("generator behind at peak, s", lambda run: run["phases"]["peak"]["generator_behind_s"]),
    ("backlog, reads (units give a second each)", _backlog),
    ("storm: all back, s (busiest second)", lambda run: _connects(run, "drain")),
    ("centre takes its first read after, s", lambda run: run["backlog"]["centre_back_s"]),
    ("backlog drained, s", lambda run: _drained(run["backlog"])),
    ("delay of live reads meanwhile", _delay("drain")),
    ("… of those made before their unit was back", _delay("offline")),
    ("stored a second in the drain", lambda run: run["phases"]["drain"]["stored_per_s"]),
    *(
        (f"{role} processor ms a read, {phase}", _a_read(phase, role))
        for role in ("broker", "centre")
        for phase in ("steady", "peak", "drain")
    ),
    ("stored in the busiest second", lambda run: run["stored_busiest_per_s"]),
    *(
        (f"{role} cores and memory, {phase}", _used(phase, role))
        for role in ("broker", "centre", "units")
        for phase in ("steady", "peak", "drain")
    ),
)
