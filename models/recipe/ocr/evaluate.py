"""Measure an exported recogniser on the held-out crops, and write its card.

The int8 model runs behind the wrapper that units use. The temperature is fitted on the calibration split
(`confidence.py`), and every reported figure is of the validation split.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from anpr_edge.config import find_models_directory
from anpr_edge.vision.rectify import stretch_contrast
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.card import Release, ship
from models.recipe.data import Split
from models.recipe.ocr.card import KIND, NAME, tuned
from models.recipe.ocr.confidence import fit_temperature, trust
from models.recipe.ocr.measures import Reading, summarise
from models.recipe.ocr.readers import FloatReader, Int8Reader, PatchReader, read
from models.recipe.ocr.real import blank_patches, crops_of, rectified_scene_plates

Labelled = tuple[npt.NDArray[np.int8], str, str, tuple[str, ...]]
"""Patch, name, truth and slices."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``evaluate-ocr``."""
    parser.add_argument("folder", type=Path, help="where export put recogniser.tflite and its companions")
    parser.add_argument(
        "--models",
        type=Path,
        default=find_models_directory(),
        help="folder of the detectors that go before it",
    )
    parser.add_argument("--ship", type=Path, help="put model and card, with these figures, into this folder")
    parser.add_argument("--version", default="0.1.0", help="version to write in the card")
    parser.add_argument("--made-up", type=int, default=0, help="rendered patches trained on, for the card")
    parser.add_argument("--errors", action="store_true", help="list what was misread (shows plate texts)")


def run(args: argparse.Namespace) -> int:
    """Print the table; with `--ship`, write the card."""
    model = Int8Reader(TfliteModel.load(args.folder, NAME))
    temperature = fit_temperature(args.models, args.folder)
    held_out = labelled_patches("validation")
    report = measure(model, held_out, temperature)
    plain = measure(FloatReader(args.folder / f"{NAME}.float32.tflite"), held_out, temperature)
    slices = _join(report, plain) | {"blank": false_reads(model, temperature)}
    slices["confidence"] = trust(args.models, args.folder, temperature)
    _print_table(slices)
    if args.errors:
        _print_errors(model, held_out, temperature)
    if args.ship:
        measured = {"split": "validation", "slices": slices}
        release = Release(KIND, NAME, tuned(temperature), args.version, args.made_up, measured)
        print(f"{ship(args.folder, args.ship, release)} written", file=sys.stderr)
    return 0


def labelled_patches(split: Split) -> list[Labelled]:
    """The split's crops as they are, and its scene plates with known corners, rectified."""
    found: list[Labelled] = [
        (crop.stretched(), crop.name, crop.text, ("all", *crop.slices)) for crop in crops_of(split)
    ]
    found += [
        (stretch_contrast(patch), source, text, ("rectified", f"rectified {source}"))
        for patch, text, source in rectified_scene_plates(split)
    ]
    return found


def measure(
    model: PatchReader, held_out: Sequence[Labelled], temperature: float
) -> dict[str, dict[str, float]]:
    """Every slice's figures."""
    by_slice: dict[str, list[Reading]] = defaultdict(list)
    for patch, name, truth, slices in held_out:
        reading = Reading(name, truth, *read(model, patch, temperature))
        for each in slices:
            by_slice[each].append(reading)
    return {name: summarise(readings) for name, readings in by_slice.items()}


def false_reads(model: PatchReader, temperature: float, score_min: float = 0.5) -> dict[str, float]:
    """How often a patch of a plate-free picture is read as something, at all and with some confidence."""
    readings = [read(model, patch, temperature) for patch in blank_patches("validation")]
    return {
        "count": len(readings),
        "read": round(sum(bool(text) for text, _ in readings) / len(readings), 4),
        "read_above_half": round(sum(score >= score_min for _, score in readings) / len(readings), 4),
    }


def _join(report: dict[str, dict[str, float]], plain: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {name: {**figures, "float_folded": plain[name]["folded"]} for name, figures in report.items()}


def _print_table(measured: dict[str, Any]) -> None:
    print(f"{'slice':28} {'count':>5} {'exact':>6} {'folded':>6} {'95 %':>13} {'float':>6} {'CER':>6}")
    for name, row in measured.items():
        if "folded" not in row:
            continue
        interval = f"{row['folded_low']:.3f}-{row['folded_high']:.3f}"
        figures = f"{row['exact']:6.3f} {row['folded']:6.3f} {interval:>13} {row['float_folded']:6.3f}"
        print(f"{name:28} {row['count']:5} {figures} {row['character_error_rate']:6.4f}")
    print(json.dumps({name: measured[name] for name in ("all", "blank", "confidence")}))


def _print_errors(model: PatchReader, held_out: Sequence[Labelled], temperature: float) -> None:
    for patch, name, truth, slices in held_out:
        reading = Reading(name, truth, *read(model, patch, temperature))
        if not reading.right:
            print(
                f"{slices[-1]:12} {truth:10} read {reading.text:10} {reading.score:.2f} {name}",
                file=sys.stderr,
            )
