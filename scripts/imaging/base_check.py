"""Whether a file is the image of a Raspberry Pi OS that a unit can be made of: looked up before any work.

Sources: Raspberry Pi documentation, "Boot folder contents"; pi-gen, export-image (partitions,
/etc/rpi-issue); os-release(5); elf(5).
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging import fat
from scripts.imaging.distribution import SUITES
from scripts.imaging.firmware import KERNEL
from scripts.imaging.layout import BASIC_DATA, LINUX, SECTOR
from scripts.imaging.tools import run

FAT_TYPES, EXT4_TYPES = {"b", "c", "e", BASIC_DATA.upper()}, {"83", LINUX.upper()}
COMPRESSED = {
    b"\xfd7zXZ\0": ("xz", "unxz --keep"),
    b"\x1f\x8b": ("gzip", "gunzip --keep"),
    b"PK\x03\x04": ("zip", "unzip"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
}
"""How packed files begin, and what unpacks them."""
BOOT_RECORD = b"\x55\xaa"
"""What the first sector of every partitioned disk ends in."""
MAGICS = {"boot": (SECTOR - 2, BOOT_RECORD, "FAT"), "root": (1024 + 56, b"\x53\xef", "ext4")}
"""What lies where in each partition. Sources: mkfs.fat(8); kernel documentation, "ext4 super block"."""
ISSUE, RELEASE, PROGRAM = "/etc/rpi-issue", "/usr/lib/os-release", "/usr/bin/dpkg"
AARCH64 = b"\xb7\x00"
DESKTOP = re.compile(r"\bstage([45])\b")
"""What pi-gen notes of an image with a desktop; stage2 is Lite."""
LITE = "take Raspberry Pi OS Lite (64-bit): Bookworm or Trixie"


@dataclass(frozen=True, slots=True)
class Base:
    """A Raspberry Pi OS image: where its two partitions begin, in bytes, and which Debian release it is."""

    boot: int
    root: int
    suite: str


def examine(image: Path) -> Base:
    """Look into the image, where it lies.

    Raises: ImageError when it is none, packed, cut short, 32-bit, or of a release that units do not run on.
    """
    _refuse_file(image)
    boot, root = _partitions(image)
    return Base(boot, root, _suite(image, boot, root))


def _refuse_file(image: Path) -> None:
    try:
        with image.open("rb") as file:
            head = file.read(SECTOR)
        size = image.stat().st_size
    except OSError as error:
        raise ImageError(f"{image}: {error.strerror}") from error
    for magic, (name, unpacker) in COMPRESSED.items():
        if head.startswith(magic):
            raise ImageError(
                f"{image} is packed with {name}: it has to be read in places", hint=f"{unpacker} {image}"
            )
    if head[SECTOR - 2 :] != BOOT_RECORD:
        raise ImageError(f"{image} is no image of a disk: it does not begin with a boot record", hint=LITE)
    if size % SECTOR:
        raise ImageError(
            f"{image} is cut short: its {size} bytes are no whole number of sectors of {SECTOR}",
            hint="fetch it again, and compare its SHA-256 with the one beside it",
        )


def _partitions(image: Path) -> tuple[int, int]:
    """Where the FAT and the Linux partition begin."""
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
                f"{image} is cut short: a partition ends at byte {end}, the file at {image.stat().st_size}",
                hint="fetch it again, and compare its SHA-256 with the one beside it",
            )
    if not {"boot", "root"} <= found.keys():
        raise ImageError(
            f"{image} is no Raspberry Pi OS image: it has to have a FAT and a Linux partition", hint=LITE
        )
    for name, (offset, magic, what) in MAGICS.items():
        with image.open("rb") as file:
            file.seek(found[name] + offset)
            if file.read(len(magic)) != magic:
                raise ImageError(f"{image} has no {what} in its {name} partition: it is damaged", hint=LITE)
    return found["boot"], found["root"]


def _suite(image: Path, boot: int, root: int) -> str:
    """The Debian release of the system in there, when it is one that a unit can be made of."""
    said = dict(
        line.split("=", 1) for line in _file(image, root, RELEASE).decode().splitlines() if "=" in line
    )
    facts = {key: value.strip('"') for key, value in said.items()}
    name = facts.get("PRETTY_NAME", "a system without a name")
    if not facts:
        raise ImageError(f"{image} has no {RELEASE}: it holds no system", hint=LITE)
    issue = _file(image, root, ISSUE).decode("utf-8", "replace")
    if not issue and facts.get("ID") != "raspbian":
        raise ImageError(f"{image} is {name}, not Raspberry Pi OS: it has no {ISSUE}", hint=LITE)
    program = _file(image, root, PROGRAM)
    if program[4:5] != b"\x02" or program[18:20] != AARCH64:
        raise ImageError(f"{image} is a 32-bit system ({name}): a unit's programs are 64-bit", hint=LITE)
    suite = facts.get("VERSION_CODENAME", "")
    if suite not in SUITES:
        raise ImageError(f"{image} is {name}: a unit runs on {' or '.join(SUITES)}", hint=LITE)
    if desktop := DESKTOP.search(issue):
        raise ImageError(
            f"{image} has a desktop (stage{desktop[1]}): a unit has no use and no room for one", hint=LITE
        )
    if f"/{KERNEL}" not in fat.listing(image, offset=boot):
        raise ImageError(f"{image} has no {KERNEL} on its FAT partition: no 64-bit kernel", hint=LITE)
    return suite


def _file(image: Path, root: int, path: str) -> bytes:
    """A file of the ext4 at `root`, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "file"
        run(["debugfs", "-R", f"dump {path} {copied}", f"{image}?offset={root}"])
        return copied.read_bytes() if copied.exists() else b""
