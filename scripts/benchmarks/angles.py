"""`scripts/bench angles`: are plates seen at an angle read like those seen straight? See docs/accuracy.md.

The same rendered vehicles in every pose, their plates equally wide along their edges, with the same noise.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np

from anpr_edge.cli.output import json_line, progress, table
from anpr_edge.cli.scan_reading import PictureReader
from anpr_edge.plates.syntax import fold
from anpr_edge.records import Quad
from models.recipe.detector.scoring import corner_error
from scripts.benchmarks.judging import MATCH_IOU
from scripts.benchmarks.machine import machine
from scripts.benchmarks.metrics import percentiles, share
from scripts.benchmarks.options import add_rendered
from scripts.benchmarks.posed import Pose, Subject, pictured, subjects
from scripts.benchmarks.traffic_clips import FIRST_SEED, Split
from scripts.benchmarks.traffic_runs import load_models

SCHEMA: Final = 1
STRAIGHT: Final = "straight"
POSES: Final = {
    STRAIGHT: Pose(),
    **{f"yaw {angle}°": Pose(yaw_deg=angle) for angle in (15, 30, 45, 60)},
    **{f"pitch {angle}°": Pose(pitch_deg=angle) for angle in (15, 30, 45)},
    **{f"roll {angle}°": Pose(roll_deg=angle) for angle in (10, 20, 30)},
    "yaw 45°, pitch 20°": Pose(yaw_deg=45, pitch_deg=20),
    "yaw 45°, roll 20°": Pose(yaw_deg=45, roll_deg=20),
}
"""Every second vehicle is turned to the other side."""
WIDTHS_PX: Final = (120.0, 80.0)
SEEDS_FROM: Final = 80_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one plate: whether it was found, how far off its corners were, and its reads."""

    found: bool
    corner_error: float
    right: bool
    right_by_true_corners: bool


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `angles`."""
    parser = commands.add_parser("angles", help="what is found and read right of plates seen at an angle")
    add_rendered(parser, vehicles=120, which="that are turned")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(arguments.split, arguments.models, vehicles=arguments.vehicles, jobs=arguments.jobs)
    json_line(result) if arguments.json else show(result)
    return 0


def measure(split: Split, models: Path, *, vehicles: int, jobs: int) -> dict[str, Any]:
    """The whole measurement as one JSON object.

    Raises: ModelError when a model is not what its card says.
    """
    reader = PictureReader.load(models)
    posing = list(subjects(FIRST_SEED[split] + SEEDS_FROM, vehicles))
    others = [number % 2 == 1 for number in range(vehicles)]
    looks: list[dict[tuple[str, float], Seen]] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for seen in pool.map(look_at, posing, others, (models for _ in posing)):
            looks.append(seen)
            progress(f"vehicle {len(looks)}/{vehicles}")
    progress("")
    return {
        "schema": SCHEMA,
        "bench": "angles",
        "machine": machine(),
        "models": list(reader.model_ids),
        "split": split,
        "vehicles": vehicles,
        "widths_px": {f"{width:.0f}": _by_pose(looks, width) for width in WIDTHS_PX},
    }


def look_at(subject: Subject, other_side: bool, models: Path) -> dict[tuple[str, float], Seen]:
    """One vehicle in every pose and at every width."""
    poses = {name: pose.mirrored() if other_side else pose for name, pose in POSES.items()}
    return {
        (name, width): _seen(subject, pose, width, models)
        for name, pose in poses.items()
        for width in WIDTHS_PX
    }


def _seen(subject: Subject, pose: Pose, width: float, models: Path) -> Seen:
    detector, recogniser = load_models(models)
    pixels, corners = pictured(subject, pose, width)
    truth = fold(subject.vehicle.plate_text)
    found = max(detector.detect(pixels), key=lambda one: one.box.iou(corners.box), default=None)
    if found is not None and found.box.iou(corners.box) < MATCH_IOU:
        found = None

    def says_so(quad: Quad) -> bool:
        read = recogniser.recognise(pixels, quad)
        return read is not None and fold(read.text) == truth

    off = corner_error(np.array(found.quad.points), np.array(corners.points)) if found else float("nan")
    return Seen(found is not None, off, found is not None and says_so(found.quad), says_so(corners))


def _by_pose(looks: Sequence[dict[tuple[str, float], Seen]], width: float) -> dict[str, Any]:
    straight = [seen[STRAIGHT, width] for seen in looks]
    return {name: _figures([seen[name, width] for seen in looks], straight) for name in POSES}


def _figures(seen: Sequence[Seen], straight: Sequence[Seen]) -> dict[str, Any]:
    """One pose's figures: the object documented in docs/accuracy.md."""
    pairs = [(one.right, other.right) for one, other in zip(seen, straight, strict=True)]
    return {
        "found": _share([one.found for one in seen]),
        "corner_error": percentiles([one.corner_error for one in seen if one.found]),
        "right": _share([one.right for one in seen]),
        "right_by_true_corners": _share([one.right_by_true_corners for one in seen]),
        "against_straight": {
            "lost": sum(other and not one for one, other in pairs),
            "gained": sum(one and not other for one, other in pairs),
        },
    }


def _share(hits: Sequence[bool]) -> dict[str, Any] | None:
    figure = share(sum(hits), len(hits))
    return figure.as_json() if figure else None


def show(result: dict[str, Any]) -> None:
    """Print the measurement for a person."""
    print(
        f"{', '.join(result['models'])}; {result['vehicles']} rendered vehicles, seeds to {result['split']}"
    )
    headings = ["found %", "corners p50", "p95", "right %", "by true corners", "lost", "gained"]
    for width, poses in result["widths_px"].items():
        print(f"\nplates {width} px wide")
        table(["", *headings], [[name, *_cells(figures)] for name, figures in poses.items()])


def _cells(figures: dict[str, Any]) -> list[object]:
    found, right, true = (figures[key] for key in ("found", "right", "right_by_true_corners"))
    off, against = (
        figures["corner_error"] or {"p50": float("nan"), "p95": float("nan")},
        figures["against_straight"],
    )
    return [
        _per_cent(found),
        f"{off['p50']:.3f}",
        f"{off['p95']:.3f}",
        _per_cent(right),
        _per_cent(true),
        against["lost"],
        against["gained"],
    ]


def _per_cent(figure: dict[str, Any]) -> str:
    low, high = 100 * figure["low"], 100 * figure["high"]
    return f"{100 * figure['value']:.1f} ({low:.0f}\N{EN DASH}{high:.0f})"
