"""`scripts/bench`: one subcommand a measurement."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from anpr_edge.cli.output import show_error
from anpr_edge.errors import AnprError
from scripts.benchmarks import (
    accuracy,
    aim,
    angles,
    fleet,
    fusion_gain,
    memory,
    outbox,
    pipeline,
    reader,
    scan,
    seal,
    traffic,
    uplink,
)


def main() -> int:
    """Run one measurement; its error's exit code when it cannot be made."""
    parser = ArgumentParser(
        prog="scripts/bench",
        description="Measure accuracy, speed, memory, sealing and delivery on this machine.",
    )
    commands = parser.add_subparsers(title="measurements", metavar="WHAT", required=True)
    for measurement in (
        *(scan, accuracy, angles, traffic, fusion_gain, pipeline, memory),
        *(reader, seal, outbox, uplink, fleet, aim),
    ):
        measurement.add_parser(commands)
    arguments = parser.parse_args()
    try:
        code: int = arguments.run(arguments)
    except AnprError as error:
        show_error(error)
        return error.exit_code
    return code


if __name__ == "__main__":  # a measurement's own processes load this file too
    sys.exit(main())
