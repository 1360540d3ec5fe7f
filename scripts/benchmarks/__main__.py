"""`scripts/bench`: one subcommand a measurement."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from anpr_edge.cli.output import json_line, show_error
from anpr_edge.config import find_models_directory
from anpr_edge.errors import AnprError


def main() -> int:
    """Run one measurement; 1 when it cannot be made."""
    parser = ArgumentParser(prog="scripts/bench", description="Measure speed and memory on this machine.")
    commands = parser.add_subparsers(title="measurements", metavar="WHAT", required=True)
    scan = commands.add_parser("scan", help="milliseconds a still picture, one thread")
    scan.add_argument(
        "pictures", type=Path, metavar="DIR", help="folder with pictures, searched to the bottom"
    )
    scan.add_argument(
        "--peer", type=Path, metavar="DIR", help="folder with the fast-alpr models, timed beside"
    )
    scan.add_argument("--models", type=Path, default=find_models_directory(), metavar="DIR")
    scan.add_argument("--limit", type=int, default=200, metavar="N", help="pictures at most (%(default)s)")
    scan.add_argument("--at", type=_size, metavar="WxH", help="bring every picture to this size first")
    scan.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()

    from scripts.benchmarks.scan import measure, report

    try:
        result = measure(
            arguments.pictures, arguments.models, arguments.peer, limit=arguments.limit, size=arguments.at
        )
    except AnprError as error:
        show_error(error)
        return error.exit_code
    json_line(result) if arguments.json else print(report(result))
    return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


sys.exit(main())
