"""Measure the detector, and both models end to end, on whole held-out pictures.

Everything runs through the classes a unit runs (`anpr_edge.vision`), on the stored pictures in grey, at
their own size. Labels are taken as they are, with each source's own idea of a box.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from anpr_edge.vision.detector import TfliteDetector
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.data import load_collection
from models.recipe.detector.card import Release, ship
from models.recipe.detector.measures import Report, choose_threshold, look_at, report
from models.recipe.detector.twin import FloatTwin

LOWEST_SCORE = 0.05
"""Everything the detector scores above this is kept, so that any threshold can be judged afterwards."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate`."""
    parser.add_argument("folder", type=Path, help="where detector.tflite and its card are")
    parser.add_argument(
        "--recogniser", type=Path, help="folder of recogniser.tflite and card, for whole reads"
    )
    parser.add_argument("--float32", action="store_true", help="measure detector.float32.tflite as well")
    parser.add_argument("--threshold", type=float, help="instead of choosing one on the calibration split")
    parser.add_argument("--ship", type=Path, help="put model and card, with these figures, into this folder")
    parser.add_argument("--version", default="0.1.0", help="version to write in the card")
    parser.add_argument("--made-up", type=int, default=0, help="composed frames trained on, for the card")
    parser.add_argument("--json", type=Path, help="write the figures here as well")


def run(args: argparse.Namespace) -> int:
    """Print one table per model; with `--ship`, write the card."""
    collection = load_collection()
    reader = TfliteRecogniser(TfliteModel.load(args.recogniser, "recogniser")) if args.recogniser else None
    model = TfliteModel.load(args.folder, "detector")
    detector = TfliteDetector(model, LOWEST_SCORE)
    threshold = args.threshold or choose_threshold(look_at(collection, "calibration", detector, None))
    reports = {"int8": report(look_at(collection, "validation", detector, reader), threshold)}
    if args.float32:
        twin = TfliteDetector(FloatTwin(model.card, args.folder / "detector.float32.tflite"), LOWEST_SCORE)
        reports["float32"] = report(look_at(collection, "validation", twin, reader), threshold)
    for kind, figures in reports.items():
        print(f"{kind}, score at least {threshold:.2f}")
        _print(figures)
    if args.json:
        args.json.write_text(json.dumps({"threshold": threshold, **reports}, indent=1) + "\n")
    if args.ship:
        release = Release(args.version, args.made_up, threshold, {"split": "validation", **reports})
        card = ship(args.folder, args.ship, release)
        print(f"{card} written", file=sys.stderr)
    return 0


def _print(figures: Report) -> None:
    titles = f"{'plates':>6} {'recall':>7} {'false/pic':>9} {'corners':>7} {'reads':>6} {'exact':>6}"
    print(f"  {'slice':28} {titles}")
    for name, row in figures.items():
        cells = (
            f"{row['plates']:6.0f}",
            f"{row.get('recall', float('nan')):7.3f}",
            f"{row.get('false_per_picture', float('nan')):9.3f}",
            f"{row.get('corner_error', float('nan')):7.3f}",
            f"{row.get('texts', 0):6.0f}",
            f"{row.get('exact', float('nan')):6.3f}",
        )
        print(f"  {name:28} {' '.join(cells)}".replace("nan", "  –"))
