"""Measure the detectors, and all models end to end, on whole held-out pictures.

Everything runs through the classes a unit runs (`anpr_edge.vision`), on the stored pictures in grey, at
their own size. Labels are taken as they are, with each source's own idea of a box.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from anpr_edge.seams import Detector
from anpr_edge.vision.closeup import FIRST_LOOK_SCORE, CloseUp
from anpr_edge.vision.closeup import MODEL_NAME as CLOSE_UP
from anpr_edge.vision.detector import Network, TfliteDetector
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.card import Release, ship
from models.recipe.data import load_collection
from models.recipe.detector.card import KIND, tuned
from models.recipe.detector.measures import Report, choose_threshold, look_at, report
from models.recipe.detector.twin import FloatTwin

LOWEST_SCORE = 0.05
"""Everything scored above this is kept, so that any threshold can be judged afterwards."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `evaluate`."""
    parser.add_argument("folder", type=Path, help="where detector.tflite and its card are")
    parser.add_argument("--close-up", type=Path, help="folder of closeup.tflite: look twice")
    parser.add_argument(
        "--recogniser", type=Path, help="folder of recogniser.tflite and card, for whole reads"
    )
    parser.add_argument("--float32", action="store_true", help="measure the .float32.tflite files as well")
    parser.add_argument("--threshold", type=float, help="instead of choosing one on the calibration split")
    parser.add_argument(
        "--ship", type=Path, help="put the detector, or with --close-up that model, and its card here"
    )
    parser.add_argument("--version", default="0.1.0", help="version to write in the card")
    parser.add_argument("--made-up", type=int, default=0, help="composed frames trained on, for the card")
    parser.add_argument("--json", type=Path, help="write the figures here as well")


def run(args: argparse.Namespace) -> int:
    """Print one table for int8, one for float32; with `--ship`, write the card."""
    collection = load_collection()
    reader = TfliteRecogniser(TfliteModel.load(args.recogniser, "recogniser")) if args.recogniser else None
    detector = open_detector(args.folder, args.close_up)
    threshold = args.threshold or choose_threshold(look_at(collection, "calibration", detector, None))
    reports = {"int8": report(look_at(collection, "validation", detector, reader), threshold)}
    if args.float32:
        twin = open_detector(args.folder, args.close_up, float32=True)
        reports["float32"] = report(look_at(collection, "validation", twin, reader), threshold)
    for kind, figures in reports.items():
        print(f"{kind}, score at least {threshold:.2f}")
        _print(figures)
    if args.json:
        args.json.write_text(json.dumps({"threshold": threshold, **reports}, indent=1) + "\n")
    if args.ship:
        _ship(args, threshold, reports)
    return 0


def open_detector(folder: Path, close_up: Path | None, *, float32: bool = False) -> Detector:
    """The detector in `folder`, generous, with a second look when there is a folder for it."""

    def model(where: Path, name: str) -> Network:
        made = TfliteModel.load(where, name)
        return FloatTwin(made.card, where / f"{name}.float32.tflite") if float32 else made

    first = model(folder, "detector")
    if close_up is None:
        return TfliteDetector(first, LOWEST_SCORE)
    return CloseUp.behind(TfliteDetector(first, FIRST_LOOK_SCORE), model(close_up, CLOSE_UP), LOWEST_SCORE)


def _ship(args: argparse.Namespace, threshold: float, reports: dict[str, Report]) -> None:
    """Ship the detector, or, when it was measured with a second look, that second look's model."""
    measured = {"split": "validation", "looks": 2 if args.close_up else 1, **reports}
    name = CLOSE_UP if args.close_up else "detector"
    release = Release(KIND, name, tuned(threshold), args.version, args.made_up, measured)
    card = ship(args.close_up or args.folder, args.ship, release)
    print(f"{card} written", file=sys.stderr)


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
