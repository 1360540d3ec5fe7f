"""`anpr-fleet release sign`: a system image becomes a bundle that the fleet's units install.

`--json`: {"schema": 1, "bundle", "version", "format", "bytes", "sha256", "signed_by", "good_until"}.
"""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path

from anpr_edge.cli.fleet_places import add_fleet_option, add_keys_options, fleet_folder, keys_folder
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, note
from anpr_edge.errors import UsageError

SCHEMA = 1

TEXT = """Sign a system image into a RAUC bundle, with the fleet's release key. Units take it with `anpr-edge
update` (docs/update.md). Needs rauc and squashfs-tools.

  anpr-fleet release sign --version 1.4.2 --image rootfs.img --out anpr-edge-1.4.2.raucb
  anpr-fleet release sign --version 1.4.2 --image rootfs.img --image firmware=boot.img --out 1.4.2.raucb"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `release` with its command sign."""
    group = subparsers.add_parser("release", help="sign system updates")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    sign = commands.add_parser(
        "sign",
        help="sign images into a RAUC bundle",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    sign.add_argument(
        "--version", required=True, metavar="V", help="the release's version, as 1.4.2 or 1.4.2-3"
    )
    sign.add_argument(
        "--image",
        action="append",
        required=True,
        metavar="[KIND=]FILE",
        help="an image, for the slot of this kind (rootfs); repeat for more",
    )
    sign.add_argument("--out", type=Path, required=True, metavar="FILE", help="the bundle's new file")
    sign.add_argument(
        "--format",
        choices=("plain", "verity"),
        default="verity",
        help="verity checks each block as it is installed, and takes dm-verity on the unit (%(default)s)",
    )
    sign.add_argument(
        "--readable-by",
        type=whole(1, 10**6),
        default=1,
        metavar="N",
        help="the lowest data format that can read what it leaves on a unit (%(default)s)",
    )
    sign.add_argument("--json", action="store_true", help="print one JSON object")
    add_fleet_option(sign)
    add_keys_options(sign)
    sign.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Check, sign, verify."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.issuing import common_name
    from anpr_edge.fleet.release import Release, check_release_dates, sign_release

    release = Release(arguments.version, _images(arguments.image), arguments.format, arguments.readable_by)
    release.check()
    folder = fleet_folder(arguments)
    check_release_dates(folder, SystemClock())
    key = keys_folder(arguments).release_key(folder)
    certificate = sign_release(folder, key, release, arguments.out)
    name, until = common_name(certificate.subject), certificate.not_valid_after_utc
    if arguments.json:
        with arguments.out.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        what = {"bundle": str(arguments.out), "version": release.version, "format": release.format}
        size = {"bytes": arguments.out.stat().st_size, "sha256": digest}
        json_line({"schema": SCHEMA, **what, **size, "signed_by": name, "good_until": until.isoformat()})
        return 0
    print(arguments.out)
    note(f"Version {release.version}, signed by {name}; units believe it until {until:%Y-%m-%d}.")
    note("next: on a bench unit: sudo anpr-edge update install FILE")
    note("      then a group at a time: anpr-fleet command update --bundle FILE (docs/update.md)")
    return 0


def _images(given: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in given:
        kind, equals, path = text.partition("=")
        if not equals:
            kind, path = "rootfs", text
        if kind in found:
            raise UsageError(f"--image {kind} is given twice")
        found[kind] = Path(path)
    return found
