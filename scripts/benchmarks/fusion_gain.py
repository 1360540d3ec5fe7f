"""`scripts/bench fusion`: do more frames make a read better? Format: docs/pipeline-bench.md.

Small plates, blurred further, at corners as far off as a detector's. The same looks are fused one, three,
five and nine at a time by `plates.fusion`, evenly spread over the time the plate was seen.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from anpr_edge.capture.render.conditions import CONDITIONS
from anpr_edge.capture.render.flow import Flow
from anpr_edge.capture.render.sight import Sight
from anpr_edge.capture.render.stage import Stage
from anpr_edge.cli.output import json_line, table
from anpr_edge.plates.fusion import Fusion
from anpr_edge.plates.syntax import fold
from anpr_edge.records import PlateCandidate, Quad
from scripts.benchmarks.machine import machine
from scripts.benchmarks.metrics import share
from scripts.benchmarks.options import add_rendered
from scripts.benchmarks.traffic_clips import FIRST_SEED, Clip, Split
from scripts.benchmarks.traffic_runs import load_models, make_reader

SCHEMA: Final = 1
LOOKS: Final = (1, 3, 5, 9)
WIDTHS_PX: Final = (40.0, 60.0)
BLURS_PX: Final = (0.6, 0.9, 1.2)
"""Standard deviations: a lens out of focus by up to a stroke of a plate 50 px wide, in turn by clip."""
CORNER_PX: Final = 0.8
"""Standard deviation of each corner. Source: the detector's card: 0.086 of the plate's height, 11 px here."""
SEEDS_FROM: Final = 70_000
VEHICLES_A_CLIP: Final = 10


@dataclass(frozen=True, slots=True)
class Fused:
    """Whether one vehicle was read right from so many looks."""

    condition: str
    blur_px: float
    looks: int
    right: bool


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `fusion`."""
    parser = commands.add_parser("fusion", help="read accuracy with 1, 3, 5 and 9 frames")
    add_rendered(parser, vehicles=240, which="that drive by")
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
    load_models(models)
    clips = [_clip(split, number) for number in range(-(-vehicles // VEHICLES_A_CLIP))]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = [one for some in pool.map(fuse_clip, clips, (models for _ in clips)) for one in some]
    slices = {"all": found}
    for name in dict.fromkeys(one.condition for one in found):
        slices[name] = [one for one in found if one.condition == name]
    for blur_px in BLURS_PX:
        slices[f"blur {blur_px} px"] = [one for one in found if one.blur_px == blur_px]
    return {
        "schema": SCHEMA,
        "bench": "fusion",
        "machine": machine(),
        "models": list(make_reader(models).model_ids),
        "split": split,
        "plate_width_px": WIDTHS_PX,
        "right": {name: _figures(some) for name, some in slices.items() if some},
    }


def _clip(split: Split, number: int) -> Clip:
    condition = CONDITIONS[number % len(CONDITIONS)]
    flow = Flow(VEHICLES_A_CLIP, speed_km_h=(20.0, 70.0), spacing_s=(2.0, 3.0))
    return Clip("fusion", FIRST_SEED[split] + SEEDS_FROM + number, Stage(flow, condition, zoom=0.6))


def fuse_clip(clip: Clip, models: Path) -> list[Fused]:
    """Every vehicle of a clip that has nine looks at the wanted size, with each number of looks."""
    road, (_, recogniser) = clip.road(), load_models(models)
    rng, blur_px = np.random.default_rng(clip.seed), BLURS_PX[clip.seed % len(BLURS_PX)]
    looks: dict[int, list[PlateCandidate | None]] = {}
    texts: dict[int, str] = {}
    for seq in range(road.frame_count):
        small = [sight for sight in road.sights_at(seq) if _wanted(sight)]
        if small:
            picture = np.asarray(cv2.GaussianBlur(road.render(seq), (0, 0), blur_px), np.uint8)
            for sight in small:
                candidate = recogniser.recognise(picture, _jittered(sight.quad, rng))
                looks.setdefault(sight.vehicle, []).append(candidate)
                texts[sight.vehicle] = sight.plate_text
    return [
        Fused(clip.stage.condition.name, blur_px, count, right)
        for vehicle, all_looks in looks.items()
        if len(all_looks) >= max(LOOKS)
        for count in LOOKS
        for right in [_right(spread(all_looks, count), texts[vehicle], recogniser.alphabet)]
    ]


def _wanted(sight: Sight) -> bool:
    return sight.readable and WIDTHS_PX[0] <= sight.width_px < WIDTHS_PX[1]


def _jittered(quad: Quad, rng: np.random.Generator) -> Quad:
    points = np.array(quad.points) + rng.normal(0, CORNER_PX, (4, 2))
    tl, tr, br, bl = ((float(x), float(y)) for x, y in points)
    return Quad(tl, tr, br, bl)


def spread(looks: Sequence[PlateCandidate | None], count: int) -> list[PlateCandidate | None]:
    """`count` looks at even distances, from the middle of the first part to that of the last."""
    return [looks[int((part + 0.5) * len(looks) / count)] for part in range(count)]


def _right(looks: Sequence[PlateCandidate | None], truth: str, alphabet: str) -> bool:
    fusion = Fusion(alphabet)
    for look in looks:
        if look is not None:
            fusion.add(look)
    best = fusion.best()
    return best is not None and fold(best.text) == fold(truth)


def _figures(found: Sequence[Fused]) -> dict[str, Any]:
    """Share read right by number of looks."""
    figures = {}
    for count in LOOKS:
        some = [one.right for one in found if one.looks == count]
        figure = share(sum(some), len(some))
        figures[str(count)] = figure.as_json() if figure else None
    return figures


def show(result: dict[str, Any]) -> None:
    """Print the measurement for a person."""
    low, high = result["plate_width_px"]
    print(f"{', '.join(result['models'])}; seeds to {result['split']}")
    print(f"plates {low:.0f} to {high:.0f} px wide, blurred; % read right\n")
    rows = []
    for name, figures in result["right"].items():
        cells = [
            f"{100 * f['value']:.1f} ({100 * f['low']:.1f}–{100 * f['high']:.1f})" for f in figures.values()
        ]
        rows.append([name, next(iter(figures.values()))["of"], *cells])
    table(["", "vehicles", *(f"{count} frames" for count in LOOKS)], rows)
