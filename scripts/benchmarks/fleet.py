"""`scripts/bench fleet`: a whole fleet against one broker and one centre. Format: docs/fleet-bench.md."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from typing import Any, Final

from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import json_line
from scripts.benchmarks.fleet_judging import STORES
from scripts.benchmarks.fleet_pace import Pacing
from scripts.benchmarks.fleet_run import FleetRun, Plan, scaled
from scripts.benchmarks.fleet_table import show
from scripts.benchmarks.machine import machine

SCHEMA: Final = 1

READS_A_DAY: Final = 8_200
"""At one unit, on average. Source: the UK's National ANPR Service, about 90 million reads a day from about
11,000 cameras."""

PEAK_PER_S: Final = 0.83
"""At one unit in a busy minute. Source: a thousand vehicles in twenty minutes before one open camera,
reported of Nashville in January 2025."""

SPREAD_S: Final = 10.0
"""A unit begins with its backlog within so long of a connection."""

QUICK: Final = Plan(
    units=12,
    average_per_s=1.0,
    peak_per_s=4.0,
    backlog_reads=20,
    backlog_hours=1.0,
    steady_s=2,
    peak_s=1.5,
    outage_s=1,
    drain_s=19,
    processes=1,
    pacing=Pacing(20.0, 1.0),
)
"""Enough to see every phase; its figures say nothing of a fleet."""


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `fleet`."""
    parser = commands.add_parser(
        "fleet", help="many units, one broker, one centre: loss, delay, storm, growth"
    )
    parser.add_argument("--units", type=whole(1, 9999), default=1500, help="simulated units (%(default)s)")
    parser.add_argument(
        "--minutes", type=between(0.5, 600), default=6.0, help="about how long a run takes (%(default)s)"
    )
    parser.add_argument(
        "--scale", type=between(0.001, 100), default=1.0, help="part of the real rates (%(default)s)"
    )
    parser.add_argument(
        "--backlog-hours",
        type=between(0.01, 240),
        default=0.2,
        help="how much of a day's backlog each unit brings after the outage (%(default)s)",
    )
    parser.add_argument(
        "--backlog-per-s",
        type=between(0.01, 1000),
        default=5.0,
        help="reads a second at which a unit gives its backlog to the broker (%(default)s)",
    )
    parser.add_argument("--unpaced", action="store_true", help="as fast as the window allows instead")
    parser.add_argument(
        "--unconfirmed",
        type=whole(1, 1000),
        metavar="N",
        default=2,
        help="a unit gives no backlog while the centre has N reads of it to confirm (%(default)s)",
    )
    parser.add_argument(
        "--growth", type=whole(1, 9999), nargs="+", metavar="UNITS", help="one run for each size"
    )
    parser.add_argument("--processes", type=whole(1, 64), default=2, help="processes of units (%(default)s)")
    parser.add_argument("--store", choices=STORES, default="jsonl", help="the centre's store (%(default)s)")
    parser.add_argument("--seed", type=whole(0, 2**31 - 1), default=1, help="which traffic (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a dozen units, under half a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print; 1 when a read was lost."""
    plans = [QUICK] if arguments.quick else [_plan(arguments, units) for units in _sizes(arguments)]
    result = measure(plans, scale=1.0 if arguments.quick else arguments.scale)
    json_line(result) if arguments.json else show(result)
    return 1 if any(one["reads"]["lost"] for one in result["runs"]) else 0


def measure(plans: list[Plan], scale: float = 1.0) -> dict[str, Any]:
    """Each plan run once, as one JSON object. Raises: AnprError when broker, centre or units fail."""
    return {
        "schema": SCHEMA,
        "bench": "fleet",
        "machine": machine(),
        "scale": scale,
        "runs": [FleetRun(plan).run() | {"plan": _stated(plan)} for plan in plans],
    }


def _sizes(arguments: Namespace) -> list[int]:
    sizes: list[int] = arguments.growth or [arguments.units]
    return sizes


def _plan(arguments: Namespace, units: int) -> Plan:
    """Phases that fill the minutes: a quarter steady, a sixth peak, half for outage and drain."""
    seconds = arguments.minutes * 60
    plan = Plan(
        units=units,
        average_per_s=READS_A_DAY / 86_400,
        peak_per_s=PEAK_PER_S,
        backlog_reads=max(1, round(READS_A_DAY * arguments.backlog_hours / 24)),
        backlog_hours=arguments.backlog_hours,
        steady_s=seconds / 4,
        peak_s=seconds / 6,
        outage_s=seconds / 20,
        drain_s=seconds / 2,
        processes=arguments.processes,
        pacing=Pacing(
            None if arguments.unpaced else arguments.backlog_per_s,
            0.0 if arguments.unpaced else SPREAD_S,
            None if arguments.unpaced else arguments.unconfirmed,
        ),
        store=arguments.store,
        seed=arguments.seed,
    )
    return scaled(plan, arguments.scale)


def _stated(plan: Plan) -> dict[str, Any]:
    return {
        "average_per_s": round(plan.units * plan.average_per_s, 1),
        "peak_per_s": round(plan.units * plan.peak_per_s, 1),
        "backlog_reads": plan.units * plan.backlog_reads,
        "backlog_per_s": plan.pacing.per_s,
        "unconfirmed": plan.pacing.unconfirmed,
        "processes": plan.processes,
        "store": plan.store,
        "seed": plan.seed,
    }
