"""Puts partitions together to the image of a card, and says which blocks of it are worth writing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from scripts.imaging.layout import Partition, image_bytes, sfdisk_script
from scripts.imaging.tools import run

BLOCK = 1024 * 1024


def assemble(image: Path, table: tuple[Partition, ...], contents: Mapping[str, Path]) -> None:
    """Write the partition table and what belongs into each partition; whatever is all zeros stays a hole.

    Raises: ImageError when the table cannot be written.
    """
    draft = image.with_name(image.name + ".new")
    with draft.open("wb") as out:
        out.truncate(image_bytes(table))
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", draft], stdin=sfdisk_script(table))
    with draft.open("r+b") as out:
        for part in table:
            if part.name in contents:
                copy_sparse(contents[part.name], out.fileno(), part.start)
        os.fsync(out.fileno())
    draft.replace(image)


def copy_sparse(source: Path, target: int, offset: int) -> None:
    """Copy a file to `offset` of an open one, but for blocks of nothing but zeros."""
    nothing = bytes(BLOCK)
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            if block != nothing[: len(block)]:
                os.pwrite(target, block, offset)
            offset += len(block)


def write_bmap(image: Path) -> Path:
    """Make the block map beside an image, as bmaptool(1) reads it: what is a hole need not be written."""
    bmap = image.with_suffix(".bmap")
    draft = bmap.with_name(bmap.name + ".new")
    run(["bmaptool", "create", "-o", draft, image])
    draft.replace(bmap)
    return bmap
