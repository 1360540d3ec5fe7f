"""The system to start from, out of a Raspberry Pi OS image: read where it lies, without loop devices or root.

Such an image has two partitions: FAT with the boot files, ext4 with the root file system. The first is read
with mtools, the second with fuse2fs, both at the offset that the partition table names.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging import fat
from scripts.imaging.distribution import UNIT
from scripts.imaging.layout import BASIC_DATA, LINUX, SECTOR
from scripts.imaging.tools import as_owner, find, run

PACKAGES = (*UNIT, "python3-picamera2", "dosfstools", "e2fsprogs", "ca-certificates")
"""What a unit needs and such an image may lack: installed from the sources that the image itself names."""
FAT_TYPES, EXT4_TYPES = {"b", "c", "e", BASIC_DATA.upper()}, {"83", LINUX.upper()}
COMPRESSED = {b"\xfd7zXZ\0": "xz", b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}
REPLACED = {
    *("config.txt", "cmdline.txt", "autoboot.txt", "tryboot.txt", "issue.txt", "firstrun.sh", "custom.toml"),
    *("userconf", "userconf.txt", "ssh", "ssh.txt", "wpa_supplicant.conf", "user-data", "meta-data"),
    "network-config",
}
"""Boot files that ours stand for, and those that would give the unit a user, a network or a way in."""

READ = """set -e
mkdir "$1/mnt"
fuse2fs -o "ro,fakeroot,offset=$3" "$2" "$1/mnt" >&2
trap 'fusermount3 -u "$1/mnt"' EXIT
tar -C "$1/mnt" --numeric-owner --xattrs --xattrs-include='*' --sort=name \\
    --exclude=./dev/* --exclude=./lost+found -cf "$4" .
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the two partitions of a Raspberry Pi OS image begin, in bytes."""

    boot: int
    root: int


def places(image: Path) -> Places:
    """Find both partitions of the image.

    Raises: ImageError when it is no such image, compressed, or cut short.
    """
    try:
        with image.open("rb") as file:
            head = file.read(6)
    except OSError as error:
        raise ImageError(f"{image}: {error.strerror}") from error
    for magic, name in COMPRESSED.items():
        if head.startswith(magic):
            raise ImageError(
                f"{image} is packed with {name}", hint="unpack it first: it has to be read in places"
            )
    table = json.loads(run(["sfdisk", "--json", image]))["partitiontable"]
    unit = int(table.get("sectorsize", SECTOR))
    found: dict[str, int] = {}
    for part in table.get("partitions", []):
        kind = part["type"].upper() if "-" in part["type"] else part["type"].lower()
        name = "boot" if kind in FAT_TYPES else "root" if kind in EXT4_TYPES else ""
        found.setdefault(name, int(part["start"]) * unit)
        end = (int(part["start"]) + int(part["size"])) * unit
        if end > image.stat().st_size:
            raise ImageError(
                f"{image} is cut short: a partition ends at byte {end}, the file at {image.stat().st_size}"
            )
    if not {"boot", "root"} <= found.keys():
        raise ImageError(f"{image} is no Raspberry Pi OS image: it has to have a FAT and a Linux partition")
    return Places(found["boot"], found["root"])


def unpack(image: Path, plain: Path, scratch: Path, log: Path) -> dict[str, bytes]:
    """Write the image's root file system to the tar file `plain`; returns its boot files by name.

    Raises: ImageError when either partition cannot be read.
    """
    for program in ("fuse2fs", "fusermount3"):
        find(program)
    at = places(image)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="base-") as folder:
        run(as_owner("sh", "-c", READ, "read", folder, image, str(at.root), plain), log=log)
        boot = Path(folder) / "boot"
        boot.mkdir()
        fat.extract(image, boot, offset=at.boot)
        return {
            str(path.relative_to(boot)): path.read_bytes()
            for path in sorted(boot.rglob("*"))
            if path.is_file() and path.relative_to(boot).as_posix().lower() not in REPLACED
        }
