"""Measure an exported recogniser on the held-out crops, and write its card.

The int8 model runs behind the wrapper that units use. The temperature is fitted on the calibration split,
which is used for nothing else; every reported figure is of the validation split.
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

from anpr_edge.vision.rectify import stretch_contrast
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.data import Split
from models.recipe.ocr.card import NAME, Release, ship
from models.recipe.ocr.measures import Reading, expected_calibration_error, precision_at, summarise
from models.recipe.ocr.readers import FloatReader, Int8Reader, PatchReader, Remembering, read
from models.recipe.ocr.real import blank_patches, crops_of, rectified_scene_plates

TEMPERATURES = np.geomspace(0.5, 4.0, 43)
Labelled = tuple[npt.NDArray[np.int8], str, str, tuple[str, ...]]
"""Patch, name, truth and slices."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``evaluate-ocr``."""
    parser.add_argument("folder", type=Path, help="where export put recogniser.tflite and its companions")
    parser.add_argument("--ship", type=Path, help="put model and card, with these figures, into this folder")
    parser.add_argument("--version", default="0.1.0", help="version to write in the card")
    parser.add_argument("--made-up", type=int, default=0, help="rendered patches trained on, for the card")
    parser.add_argument("--errors", action="store_true", help="list what was misread (shows plate texts)")


def run(args: argparse.Namespace) -> int:
    """Print the table; with `--ship`, write the card."""
    model = Int8Reader(TfliteModel.load(args.folder, NAME))
    temperature = fit_temperature(model)
    held_out = labelled_patches("validation")
    report = measure(model, held_out, temperature)
    plain = measure(FloatReader(args.folder / f"{NAME}.float32.tflite"), held_out, temperature)
    slices = _join(report, plain) | {"blank": false_reads(model, temperature)}
    _print_table(slices)
    if args.errors:
        _print_errors(model, held_out, temperature)
    if args.ship:
        release = Release(args.version, args.made_up, temperature, {"split": "validation", "slices": slices})
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


def fit_temperature(model: PatchReader) -> float:
    """The temperature under which scores explain best what was right and wrong in the calibration split."""
    known, labelled = Remembering(model), labelled_patches("calibration")
    return float(min(TEMPERATURES, key=lambda temperature: _surprise(known, labelled, float(temperature))))


def _surprise(model: PatchReader, labelled: Sequence[Labelled], temperature: float) -> float:
    readings = [Reading(name, truth, *read(model, patch, temperature)) for patch, name, truth, _ in labelled]
    scores = np.clip([reading.score for reading in readings], 1e-6, 1 - 1e-6)
    right = np.array([reading.right for reading in readings])
    return float(-np.where(right, np.log(scores), np.log(1 - scores)).mean())


def measure(
    model: PatchReader, held_out: Sequence[Labelled], temperature: float
) -> dict[str, dict[str, float]]:
    """Every slice's figures; ``all`` also says how far its scores can be trusted."""
    by_slice: dict[str, list[Reading]] = defaultdict(list)
    for patch, name, truth, slices in held_out:
        reading = Reading(name, truth, *read(model, patch, temperature))
        for each in slices:
            by_slice[each].append(reading)
    report = {name: summarise(readings) for name, readings in by_slice.items()}
    threshold, precision = precision_at(by_slice["all"], 0.9)
    report["all"] |= {
        "calibration_error": round(expected_calibration_error(by_slice["all"]), 4),
        "threshold_keeping_90_percent": round(threshold, 4),
        "precision_keeping_90_percent": round(precision, 4),
    }
    return report


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
    print(json.dumps({"all": measured["all"], "blank": measured["blank"]}))


def _print_errors(model: PatchReader, held_out: Sequence[Labelled], temperature: float) -> None:
    for patch, name, truth, slices in held_out:
        reading = Reading(name, truth, *read(model, patch, temperature))
        if not reading.right:
            print(
                f"{slices[-1]:12} {truth:10} read {reading.text:10} {reading.score:.2f} {name}",
                file=sys.stderr,
            )
