"""`scripts/boot-image`: the command line."""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import asdict
from pathlib import Path

from anpr_edge.cli.output import finding, note, show_error
from anpr_edge.errors import AnprError
from scripts.imaging.boot import Verdict, boot

TEXT = """Boot an image on an emulated arm64 machine and see both services read the rendered road.

  scripts/boot-image image/anpr-edge-0.1.0-bookworm.img
  scripts/boot-image image/anpr-edge-0.1.0-bookworm.img --bundle unit-0001.bundle
  scripts/boot-image image/anpr-edge-0.1.0-bookworm.img --bundle another-fleets.bundle --refused

The image is flashed onto a file first, as a card is, and not changed. Everything is emulated: minutes until
the first read. Exit code 0: both services active, a read committed, nothing listening; 1: not so, and why."""


def main(argv: list[str] | None = None) -> int:
    """Boot one image; the exit code."""
    parser = ArgumentParser(
        prog="scripts/boot-image", description=TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="what scripts/build-image made")
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="provision the unit from it")
    parser.add_argument(
        "--refused",
        action="store_true",
        help="good is: the unit refuses the bundle, says why in one message, and does nothing",
    )
    parser.add_argument(
        "--limit", type=float, default=1500.0, metavar="S", help="give up after that (%(default)s)"
    )
    parser.add_argument("--log", type=Path, metavar="FILE", help="the serial line (IMAGE.boot.log)")
    parser.add_argument("--json", action="store_true", help="print what was seen as one JSON object")
    arguments = parser.parse_args(argv)
    if arguments.refused and arguments.bundle is None:
        parser.error("--refused: which --bundle?")
    log = arguments.log or arguments.image.with_suffix(".boot.log")
    try:
        with tempfile.TemporaryDirectory(dir=arguments.image.parent, prefix=".boot-") as scratch:
            verdict = boot(
                *(arguments.image, Path(scratch), log),
                bundle=arguments.bundle,
                limit_s=arguments.limit,
                refusal=arguments.refused,
            )
    except AnprError as error:
        show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        print(json.dumps({**asdict(verdict), "faults": verdict.faults}))
    else:
        _tell(verdict, log)
    return 1 if verdict.faults else 0


def _tell(verdict: Verdict, log: Path) -> None:
    for name in ("release", "kernel", "hostname", "mounts", "data_mb", "listening", "provision", "status"):
        if name in verdict.last:
            note(f"{name}: {verdict.last[name]}")
    for fault in verdict.faults:
        finding("fail", "boot", fault, next_step=f"read {log}")
    if not verdict.faults:
        done = (
            "the bundle refused, nothing started"
            if verdict.refusal
            else "both services active, reads committed"
        )
        finding("ok", "boot", f"{done}, nothing listens; {verdict.seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
