"""Puts partitions together to the image of a card, and says which blocks of it are worth writing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.imaging.layout import BASIC_DATA, Partition, image_bytes, sfdisk_script
from scripts.imaging.tools import run

BLOCK = 1024 * 1024


def assemble(image: Path, table: tuple[Partition, ...], contents: Mapping[str, Path]) -> None:
    """Write the partition table and what belongs into each partition.

    A hole stays a hole in FAT, where nothing relies on what was never written. Of ext4 every block is
    written: mke2fs leaves holes where the file system counts on zeros, and a used card has something else
    there.

    Raises: ImageError when the table cannot be written.
    """
    draft = image.with_name(image.name + ".new")
    with draft.open("wb") as out:
        out.truncate(image_bytes(table))
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", draft], stdin=sfdisk_script(table))
    with draft.open("r+b") as out:
        for part in table:
            if part.name in contents:
                copy(contents[part.name], out.fileno(), part.start, holes=part.type == BASIC_DATA)
        os.fsync(out.fileno())
    draft.replace(image)


def copy(source: Path, target: int, offset: int, *, holes: bool) -> None:
    """Copy a file to `offset` of an open one; with `holes`, only what is not one."""
    with source.open("rb") as file:
        for start, end in data(file.fileno()) if holes else [(0, source.stat().st_size)]:
            for place in range(start, end, BLOCK):
                os.pwrite(target, os.pread(file.fileno(), min(BLOCK, end - place), place), offset + place)


def data(file: int) -> Iterator[tuple[int, int]]:
    """Where an open file has data, hole by hole. Source: lseek(2)."""
    end, size = 0, os.fstat(file).st_size
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # nothing but a hole from here on
            return
        end = os.lseek(file, start, os.SEEK_HOLE)
        yield start, end


def write_bmap(image: Path) -> Path:
    """Make the block map beside an image, as bmaptool(1) reads it: what is a hole need not be written."""
    bmap = image.with_suffix(".bmap")
    draft = bmap.with_name(bmap.name + ".new")
    run(["bmaptool", "create", "-o", draft, image])
    draft.replace(bmap)
    return bmap
