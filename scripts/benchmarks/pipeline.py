"""`scripts/bench pipeline`: frames a second and where the time goes. Format: docs/pipeline-bench.md.

Clips are rendered into files first. Every run has a process of its own, so that peak memory is its alone.
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, progress
from anpr_edge.config import find_models_directory
from anpr_edge.vision.card import ModelCard
from scripts.benchmarks.machine import machine
from scripts.benchmarks.machine_limit import bytes_moved, machine_limit
from scripts.benchmarks.pipeline_clips import CLIPS, RawClip, render
from scripts.benchmarks.pipeline_runs import OURS, PEER, in_own_process
from scripts.benchmarks.pipeline_table import show
from scripts.benchmarks.traffic_runs import make_reader

SCHEMA: Final = 1
SIZES: Final = ((1280, 720), (1456, 1088))


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `pipeline`."""
    parser = commands.add_parser("pipeline", help="frames/s, ms a stage, processor time and memory")
    names = [f"{width}x{height}" for width, height in SIZES]
    parser.add_argument("--clips", nargs="+", choices=tuple(CLIPS), default=tuple(CLIPS), metavar="CLIP")
    parser.add_argument("--sizes", nargs="+", choices=names, default=names, metavar="WxH")
    parser.add_argument(
        "--threads", nargs="+", type=whole(1, 64), default=[1, 2, 3, 4], metavar="N", help="in each model"
    )
    parser.add_argument(
        "--frames", type=whole(30, 100_000), default=300, metavar="N", help="a clip (%(default)s)"
    )
    parser.add_argument("--models", type=Path, default=find_models_directory(), metavar="DIR")
    parser.add_argument("--peer", type=Path, metavar="DIR", help="folder with the fast-alpr models")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(
        arguments.models,
        arguments.peer,
        clips=arguments.clips,
        sizes=[(int(w), int(h)) for w, _, h in (size.partition("x") for size in arguments.sizes)],
        threads=arguments.threads,
        frames=arguments.frames,
    )
    json_line(result) if arguments.json else show(result)
    return 0


def measure(
    models: Path,
    peer: Path | None,
    *,
    clips: Sequence[str],
    sizes: Sequence[tuple[int, int]],
    threads: Sequence[int],
    frames: int,
) -> dict[str, Any]:
    """The whole measurement as one JSON object.

    Raises: ModelError, or UsageError when the peer is not there.
    """
    costs = _costs(models)
    contenders = [(OURS, count, models) for count in threads] + ([(PEER, 1, peer)] if peer else [])
    runs = []
    with tempfile.TemporaryDirectory(prefix="anpr-bench-") as folder:
        for name in clips:
            for size in sizes:
                clip = render(CLIPS[name], Path(folder) / "clip.raw", size, frames)
                runs += [_run(name, clip, *contender) for contender in contenders]
    progress("")
    for one in runs:
        one.update(work_per_frame(one["models"], costs) if one["contender"] == OURS else {})
    return {
        "schema": SCHEMA,
        "bench": "pipeline",
        "machine": machine(),
        "limit": machine_limit(),
        "models": list(make_reader(models).model_ids),
        "model_costs": costs,
        "runs": runs,
    }


def _run(name: str, clip: RawClip, contender: str, threads: int, folder: Path) -> dict[str, Any]:
    size = f"{clip.width}x{clip.height}"
    progress(f"{contender}, {name}, {size}, {threads} threads")
    figures = in_own_process(contender, clip, threads, folder)
    return {"contender": contender, "clip": name, "size": size, "threads": threads, **figures}


def _costs(models: Path) -> dict[str, dict[str, int]]:
    """Multiply-adds of one run of each model, from its card, and the bytes it moves."""
    cards = [ModelCard.load(path) for path in sorted(models.glob("*.json"))]
    return {
        card.name: {
            "multiply_adds": int(card.facts["multiply_adds"]),
            "bytes": bytes_moved(models, card.name),
        }
        for card in cards
    }


def work_per_frame(runs: dict[str, dict[str, Any]], costs: dict[str, dict[str, int]]) -> dict[str, Any]:
    """What the models did for each frame, and how many multiply-adds a second they reached at it."""
    adds, moved = (
        sum(run["runs_per_frame"] * costs[name][key] for name, run in runs.items())
        for key in ("multiply_adds", "bytes")
    )
    seconds = sum(run["mean"] for run in runs.values()) / 1e3
    return {
        "multiply_adds_per_frame": round(adds),
        "bytes_per_frame": round(moved),
        "multiply_adds_per_s_in_models": round(adds / seconds) if seconds else None,
    }
