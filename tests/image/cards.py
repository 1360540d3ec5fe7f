"""Small images with the layout of real ones, made by the same code in a second."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from scripts.imaging import card, fat, tools
from scripts.imaging.layout import MIB, Partition, partitions

EPOCH = 1_790_000_000
TOOLS = (
    "mkfs.vfat",
    "mcopy",
    "mdir",
    "sfdisk",
    "bmaptool",
    "mke2fs",
    "debugfs",
    "dumpe2fs",
    "fakeroot",
    "dtc",
)
ABSENT = tools.missing(*TOOLS)
needs_tools = pytest.mark.skipif(bool(ABSENT), reason=f"sudo apt-get install {' '.join(ABSENT)}")
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("losetup"), reason="a loop device needs root"
)


def small_table() -> tuple[Partition, ...]:
    """The six partitions, each as small as it can be."""
    return partitions(8 * MIB, 12 * MIB, 4 * MIB)


def small_image(folder: Path) -> Path:
    """An image with a boot file on firmware_a, and something in root_a that compresses to nothing else."""
    table = small_table()
    for slot, files in (("a", {"config.txt": b"arm_64bit=1\n"}), ("b", {})):
        fat.make(
            folder / f"{slot}.vfat",
            files,
            label=f"FIRMWARE_{slot.upper()}",
            serial=f"0000000{slot}",
            size=12 * MIB,
            epoch=EPOCH,
        )
    (folder / "root").write_bytes(bytes(range(256)) * 4 * 4096)
    image = folder / "card.img"
    contents = {"firmware_a": folder / "a.vfat", "firmware_b": folder / "b.vfat", "root_a": folder / "root"}
    card.assemble(image, table, contents)
    card.write_bmap(image)
    return image


def blank(path: Path, size: int, filled: bytes = b"\xa5") -> Path:
    """A card that was used before: not a byte of it is zero."""
    path.write_bytes(filled * size)
    return path
