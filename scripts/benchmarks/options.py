"""The options that every bench over rendered vehicles has."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path

from anpr_edge.cli.numbers import whole
from anpr_edge.config import find_models_directory
from scripts.benchmarks.traffic_clips import FIRST_SEED


def add_rendered(parser: ArgumentParser, *, vehicles: int, which: str, least: int = 1) -> None:
    """Which seeds, how many vehicles, `which` in words, what models, how many processes; and JSON."""
    parser.add_argument(
        "--split",
        choices=tuple(FIRST_SEED),
        default="tune",
        help="which seeds; never tune on `report` (%(default)s)",
    )
    parser.add_argument(
        "--vehicles",
        type=whole(least, 100_000),
        default=vehicles,
        metavar="N",
        help=f"{which} (%(default)s)",
    )
    parser.add_argument("--models", type=Path, default=find_models_directory(), metavar="DIR")
    parser.add_argument(
        "--jobs", type=whole(1, 64), default=os.cpu_count() or 1, metavar="N", help="processes (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
