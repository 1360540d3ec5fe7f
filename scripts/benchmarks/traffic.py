"""`scripts/bench traffic`: one right read a vehicle, over rendered traffic. Format: docs/pipeline-bench.md.

Nothing here is shown to the pipeline but frames; what it gave is set against the clips' own truth. The seeds
of `--split report` are for reporting alone: whoever tunes looks at `--split tune`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line
from anpr_edge.errors import UsageError
from scripts.benchmarks.machine import machine
from scripts.benchmarks.metrics import Figure, rate
from scripts.benchmarks.options import add_rendered
from scripts.benchmarks.traffic_clips import EMPTY, FRAME_RATE, VANS, Split, empty, situations, traffic
from scripts.benchmarks.traffic_runs import ClipResult, make_reader, run_clips
from scripts.benchmarks.traffic_table import failures, show, slices

SCHEMA: Final = 1


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `traffic`."""
    parser = commands.add_parser("traffic", help="one right read a vehicle, over rendered traffic")
    add_rendered(parser, vehicles=504, which="free traffic", least=0)
    parser.add_argument(
        "--no-situations",
        action="store_true",
        help="leave out queues, overtaking, parked cars and those that come back",
    )
    parser.add_argument(
        "--empty-minutes",
        type=whole(0, 1000),
        default=24,
        metavar="N",
        help="of road with lettering and no plate, half of them with vans (%(default)s)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="CLIP",
        help="clips by name or seed, as --failures gives them",
    )
    parser.add_argument(
        "--failures", action="store_true", help="list every failure; the plates are rendered, nobody has them"
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(
        arguments.split,
        arguments.models,
        vehicles=arguments.vehicles,
        with_situations=not arguments.no_situations,
        empty_minutes=arguments.empty_minutes,
        only=arguments.only,
        jobs=arguments.jobs,
    )
    if not arguments.failures:
        del result["failures"]
    json_line(result) if arguments.json else show(result)
    return 0


def measure(
    split: Split,
    models: Path,
    *,
    vehicles: int,
    with_situations: bool,
    empty_minutes: int,
    only: Sequence[str],
    jobs: int,
) -> dict[str, Any]:
    """The whole measurement as one JSON object, failures included.

    Raises: ModelError when a model is not what its card says; UsageError when `only` leaves no clip.
    """
    busy = [*traffic(split, vehicles), *(situations(split) if with_situations else ())]
    quiet = list(empty(split, empty_minutes))
    if only:
        busy, quiet = (
            [one for one in some if {one.name, str(one.seed)} & set(only)] for some in (busy, quiet)
        )
    if not busy and not quiet:
        raise UsageError("no clip is left to be measured", hint="--only takes names and seeds of clips")
    results = list(run_clips([*busy, *quiet], models, jobs))
    on_road, on_empty = results[: len(busy)], results[len(busy) :]
    return {
        "schema": SCHEMA,
        "bench": "traffic",
        "machine": machine(),
        "models": list(make_reader(models).model_ids),
        "split": split,
        "clips": len(busy),
        "frames": sum(result.frames for result in results),
        "frames_per_s": FRAME_RATE,
        "slices": slices([visit for result in on_road for visit in result.visits]),
        "stray_reads": sum(len(result.stray) for result in on_road),
        "empty_road": _empty_road(on_empty),
        "vans": _vans(on_empty),
        "failures": failures(results),
    }


def _empty_road(results: Sequence[ClipResult]) -> dict[str, Any] | None:
    """False reads for each hour of road on which nothing drives; None of none."""
    still = [result for result in results if result.clip.name == EMPTY]
    if not still:
        return None
    frames = sum(result.frames for result in still)
    minutes = round(frames / FRAME_RATE / 60)
    found = rate(sum(len(result.stray) for result in still), minutes)
    hourly = Figure(found.value * 60, found.low * 60, found.high * 60, minutes) if found else None
    return {
        "minutes": minutes,
        "false_reads_per_hour": hourly.as_json() if hourly else None,
        "gated": round(sum(result.gated for result in still) / frames, 4),
    }


def _vans(results: Sequence[ClipResult]) -> dict[str, Any] | None:
    """False reads for each van with lettering and no plate, those of boards too; None of none."""
    with_vans = [result for result in results if result.clip.name == VANS]
    vans = sum(result.clip.stage.flow.vehicles for result in with_vans)
    found = rate(sum(len(result.stray) for result in with_vans), vans)
    return {"vans": vans, "false_reads_per_van": found.as_json()} if found else None
