"""Which blocks of an image mean something: the block map beside it, as `bmaptool create` wrote it.

Source: bmap format 2.0, described in the block map file itself and in bmaptool(1).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from anpr_edge.errors import ImageError

LIMIT = 16 * 1024 * 1024
"""Larger than the block map of any card."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of an image that have to be on the card, and their SHA-256 where it is known."""

    start: int
    length: int
    sha256: str = ""

    @property
    def end(self) -> int:
        """The first byte that is not in it."""
        return self.start + self.length


def extents(image: Path) -> list[Extent]:
    """What of the image has to be written: by the block map beside it, or all of it where there is none.

    Raises: ImageError when the block map is damaged or another image's.
    """
    size = image.stat().st_size
    bmap = image.with_suffix(".bmap")
    if not bmap.exists():
        return [Extent(0, size)]
    if bmap.stat().st_size > LIMIT:
        raise ImageError(f"{bmap} is no block map: {bmap.stat().st_size} bytes, at most {LIMIT}")
    text = bmap.read_text(encoding="utf-8", errors="replace")
    _check(bmap, text)
    try:
        found = _read(ElementTree.fromstring(text))
    except (ElementTree.ParseError, ValueError, TypeError) as error:
        raise ImageError(f"{bmap} is no block map: {error}") from error
    mapped_size, ranges = found
    if mapped_size != size:
        raise ImageError(
            f"{bmap} belongs to an image of {mapped_size} bytes; {image.name} has {size}",
            hint="copy image and block map together again: one of them is cut short or of another build",
        )
    return ranges


def _check(bmap: Path, text: str) -> None:
    """The file's own checksum, which it holds itself: counted with zeros in its place."""
    said = re.search(r"<BmapFileChecksum>\s*([0-9a-f]{64})\s*</BmapFileChecksum>", text)
    if said is None or "<!DOCTYPE" in text:
        raise ImageError(f"{bmap} is no block map of bmaptool's format 2.0")
    if hashlib.sha256(text.replace(said[1], "0" * 64).encode()).hexdigest() != said[1]:
        raise ImageError(
            f"{bmap} is damaged: its checksum does not hold", hint="copy it again with its image"
        )


def _read(root: ElementTree.Element) -> tuple[int, list[Extent]]:
    size, block = (int((root.findtext(name) or "").strip()) for name in ("ImageSize", "BlockSize"))
    if not 512 <= block <= 1 << 20:
        raise ValueError(f"block size {block}")
    found: list[Extent] = []
    for entry in root.iter("Range"):
        first, _, last = (entry.text or "").strip().partition("-")
        start = int(first) * block
        end = min((int(last or first) + 1) * block, size)
        if not (found[-1].end if found else 0) <= start < end:
            raise ValueError(f"blocks {entry.text} out of order or beyond the image")
        found.append(Extent(start, end - start, entry.get("chksum", "")))
    return size, found
