"""`scripts/build-image`: the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from anpr_edge import __version__
from anpr_edge.cli.output import note, show_error
from anpr_edge.errors import AnprError
from scripts.imaging.base_check import examine
from scripts.imaging.build import Order, build
from scripts.imaging.customise import CHECKOUT, Anchors
from scripts.imaging.distribution import SUITES
from scripts.imaging.tools import megabytes

DEFAULT_SUITE = "bookworm"
TEXT = """Build the image of a unit's card: two systems and one partition for data, no password, no way in.

  scripts/build-image --trust provision.pub --release-keyring release.crt
  scripts/build-image --base 2025-10-01-raspios-trixie-arm64-lite.img --trust …

Made of Debian's arm64 packages, or of a Raspberry Pi OS image that you supply with --base. The same checkout,
packages and anchors give the same bytes again. Prints the root file system's hash; docs/image.md says more.
Exit code 0: built; 1: not, and why; 2: wrong usage."""


def parser() -> ArgumentParser:
    """Everything that can be asked of a build."""
    parser = ArgumentParser(
        prog="scripts/build-image", description=TEXT, formatter_class=RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=Path, default=Path("image"), metavar="DIR", help="where it goes (%(default)s)")
    add("--suite", choices=SUITES, help=f"Debian release ({DEFAULT_SUITE}; with --base the image's own)")
    add("--base", type=Path, metavar="IMG", help="start from this Raspberry Pi OS image, unpacked")
    add("--trust", type=Path, metavar="FILE", help="provision.pub: whose bundles units take")
    add("--release-keyring", type=Path, metavar="FILE", help="release.crt: whose updates units take")
    add("--version", default=__version__, metavar="X.Y.Z", help="the release's version (%(default)s)")
    add("--include", action="append", default=[], metavar="PACKAGE", help="one more Debian package")
    add("--mirror", default="", metavar="URL", help="Debian mirror, or a line of sources.list")
    add("--wheels", type=Path, metavar="DIR", help="a folder that scripts/wheelhouse has filled")
    add("--cache", type=Path, default=_cache(), metavar="DIR", help="system and wheels (%(default)s)")
    add("--fresh", action="store_true", help="make the plain system anew, whatever the cache has")
    add("--epoch", type=int, default=_epoch(), metavar="S", help="the newest time of any file in it")
    add("--parts", action="store_true", help="leave root_a.ext4 and firmware_a.vfat beside the image")
    add("--json", action="store_true", help="print what is in the .json file beside the image")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Build one image; the exit code."""
    arguments = parser().parse_args(argv)
    try:
        facts = build(_order(arguments))
    except AnprError as error:
        show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        print(json.dumps(facts))
        return 0
    print(f"image                {arguments.out / facts['image']}")
    print(f"root tree sha256     {facts['root_tree_sha256']}")
    print(f"root sha256          {facts['root_sha256']}")
    print(f"image sha256         {facts['image_sha256']}")
    note(
        f"{megabytes(facts['written_bytes'])} to write of {megabytes(facts['image_bytes'])}; "
        f"built in {sum(facts['seconds'].values()):.0f} s"
    )
    note(f"next: sudo scripts/flash {arguments.out / facts['image']} DEVICE")
    return 0


def _order(arguments: Namespace) -> Order:
    base = arguments.base and arguments.base.resolve()
    return Order(
        out=arguments.out.resolve(),
        cache=arguments.cache.resolve(),
        suite=arguments.suite or (examine(base).suite if base else DEFAULT_SUITE),
        epoch=arguments.epoch,
        base=base,
        anchors=Anchors(arguments.trust, arguments.release_keyring),
        mirror=arguments.mirror,
        include=tuple(arguments.include),
        wheels=arguments.wheels and arguments.wheels.resolve(),
        parts=arguments.parts,
        fresh=arguments.fresh,
        version=arguments.version,
    )


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anpr-edge-image"


def _epoch() -> int:
    """When the checkout's last commit was made, or SOURCE_DATE_EPOCH. Source: reproducible-builds.org."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    asked = ["git", "-C", str(CHECKOUT), "log", "-1", "--format=%ct"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        said = ""
    return int(said) if said else 1_767_225_600


if __name__ == "__main__":
    sys.exit(main())
