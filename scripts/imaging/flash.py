"""`scripts/flash`: the command line, and the order in which a card is written."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anpr_edge.cli.output import note, progress, show_error
from anpr_edge.errors import AnprError, ImageError, UsageError
from scripts.imaging import fat
from scripts.imaging.blockmap import extents
from scripts.imaging.gpt import starts
from scripts.imaging.target import Target, examine
from scripts.imaging.tools import megabytes
from scripts.imaging.writer import Card, Tell, writing

TEXT = """Write an image to a card or SSD, read it back, and put a unit's bundle on it.

  sudo scripts/flash image/anpr-edge-0.1.0-bookworm.img /dev/sdb
  sudo scripts/flash image/anpr-edge-0.1.0-bookworm.img /dev/mmcblk0 --bundle unit-0001.bundle

Writes only what the block map beside the image names. Refuses what is mounted, this machine's own disk, a
partition and a card that is too small. The partition table is written last: an interrupted card boots
nowhere. A file serves as a card too.
Exit code 0: written and verified; 1: refused, or it failed; 2: wrong usage; 130: interrupted."""
BUNDLE_LIMIT = 4 * 1024 * 1024
FOLDER = "anpr"
SLOTS = ("firmware_a", "firmware_b")
TOLD_EVERY_S = 0.5


def parser() -> ArgumentParser:
    """Everything that can be asked of flashing."""
    parser = ArgumentParser(
        prog="scripts/flash", description=TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="what scripts/build-image made")
    parser.add_argument(
        "device", type=Path, metavar="DEVICE", help="the whole disk, such as /dev/sdb; or a file"
    )
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE", help="the bundle of the unit that the card is for"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether it is the right disk")
    parser.add_argument("--json", action="store_true", help="print what was done as one JSON object")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Flash one card; the exit code."""
    arguments = parser().parse_args(argv)
    try:
        done = flash(arguments.image, arguments.device, arguments.bundle, sure=_sure(arguments))
    except AnprError as error:
        show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        note(
            f"\ninterrupted: {arguments.device} has no partition table now and boots nowhere; flash it again"
        )
        return 130
    if arguments.json:
        print(json.dumps(done))
    else:
        print(f"{arguments.device}: written and verified")
    return 0


def flash(
    image: Path, device: Path, bundle: Path | None, *, sure: Callable[[Target], None]
) -> dict[str, Any]:
    """Write `image` to `device` and verify it; `sure` is asked before anything is changed.

    Raises: ImageError when it is refused or fails; the card then has no partition table, or was not touched.
    """
    try:
        size = image.stat().st_size
    except OSError as error:
        raise ImageError(f"{image}: {error.strerror}", hint="scripts/build-image makes one") from error
    places = starts(image)
    if bundle is not None:
        _check_bundle(bundle, places)
    target = examine(device, size)
    if target.path.resolve() == image.resolve():
        raise ImageError(f"{device} is the image itself")
    wanted = extents(image)
    sure(target)
    with writing(image, target, wanted) as card:
        try:
            seconds = _write(card, target, bundle, places)
        except KeyboardInterrupt:
            note(f"\ninterrupted: {device} has no partition table now and boots nowhere; flash it again")
            raise
    return {
        "device": str(device),
        "image": image.name,
        "bytes": card.bytes,
        "write_s": round(seconds["writing"], 1),
        "verify_s": round(seconds["verifying"], 1),
        "bundle": bundle.name if bundle else None,
        "verified": True,
    }


def _write(card: Card, target: Target, bundle: Path | None, places: dict[str, int]) -> dict[str, float]:
    note(f"writing {megabytes(card.bytes)} to {target}")
    seconds = {}
    card.clear()
    for name, step in (("writing", card.write), ("verifying", card.verify)):
        begun = time.monotonic()
        step(_teller(card.bytes))
        seconds[name] = time.monotonic() - begun
        progress("")
        note(f"{name}: {seconds[name]:.1f} s, {card.bytes / 1e6 / max(seconds[name], 1e-3):.0f} MB/s")
    if bundle is not None:
        for slot in SLOTS:
            fat.put(target.path, FOLDER, [bundle], offset=places[slot])
            if fat.read(target.path, f"{FOLDER}/{bundle.name}", offset=places[slot]) != bundle.read_bytes():
                raise ImageError(f"{target.path}: the bundle on {slot} is not what was written")
        note(f"{bundle.name} is in {FOLDER}/ of {' and '.join(SLOTS)}")
    card.finish()
    return seconds


def _teller(whole: int) -> Tell:
    """Shows how far a step is, how fast it goes, and how long it will take still."""
    begun = last = time.monotonic()
    done = 0

    def tell(what: str, more: int) -> None:
        nonlocal done, last
        done += more
        now = time.monotonic()
        if now - last < TOLD_EVERY_S:
            return
        last = now
        speed = done / (now - begun)
        left_s = (whole - done) / speed
        progress(f"{what} {done / whole:4.0%}  {speed / 1e6:.0f} MB/s  {left_s:.0f} s left")

    return tell


def _check_bundle(bundle: Path, places: dict[str, int]) -> None:
    """Refuse what is no bundle before the card is touched; the unit itself checks who signed it."""
    try:
        size = bundle.stat().st_size
        with bundle.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise ImageError(f"{bundle}: {error.strerror}", hint="anpr-fleet unit bundle makes one") from error
    if bundle.suffix != ".bundle" or size > BUNDLE_LIMIT or head[257:262] != b"ustar":
        raise ImageError(
            f"{bundle} is no unit's bundle: a tar file UNIT.bundle of {megabytes(BUNDLE_LIMIT)} at most",
            hint="anpr-fleet unit bundle makes one",
        )
    if lacking := [slot for slot in SLOTS if slot not in places]:
        raise ImageError(f"the image has no partition {lacking[0]} for the bundle")


def _sure(arguments: Namespace) -> Callable[[Target], None]:
    def ask(target: Target) -> None:
        if arguments.yes or not target.block:
            return
        if not sys.stdin.isatty():
            raise UsageError(f"nobody is here to say that {target} is the right disk", hint="--yes says so")
        note(f"All that is on {target} will be gone.")
        if input(f"Type {target.path.name} to go on: ").strip() != target.path.name:
            raise UsageError("nothing was changed")

    return ask


if __name__ == "__main__":
    sys.exit(main())
