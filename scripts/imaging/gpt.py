"""Reads the partition table of an image. Source: UEFI 2.10 §5.3."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging.layout import SECTOR

HEADER = struct.Struct("<8s4sIIIQQQQ16sQIII")
ENTRY = struct.Struct("<16s16sQQQ72s")


def starts(image: Path) -> dict[str, int]:
    """Where each partition of an image begins, in bytes, by its name.

    Raises: ImageError when there is no whole partition table, or the file ends before the last partition.
    """
    with image.open("rb") as file:
        file.seek(SECTOR)
        head = file.read(SECTOR)
        if len(head) < SECTOR or head[:8] != b"EFI PART":
            raise ImageError(
                f"{image} is no image of a card: it has no GPT", hint="scripts/build-image makes one"
            )
        size, said = struct.unpack_from("<II", head, 12)
        (*_, first, count, width, entries_crc) = HEADER.unpack_from(head)
        zeroed = head[:16] + bytes(4) + head[20:size]
        file.seek(first * SECTOR)
        entries = file.read(min(count * width, 1 << 20))
    if zlib.crc32(zeroed) != said or zlib.crc32(entries) != entries_crc:
        raise ImageError(f"{image} is damaged: the checksum of its partition table does not hold")
    found = {}
    for place in range(0, len(entries), width):
        kind, _, begin, last, _, name = ENTRY.unpack_from(entries, place)
        if kind == bytes(16):
            continue
        if (last + 1) * SECTOR > image.stat().st_size:
            raise ImageError(f"{image} is cut short: it ends before its last partition does")
        found[name.decode("utf-16-le").rstrip("\0")] = begin * SECTOR
    return found
