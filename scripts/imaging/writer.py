"""Writes an image so that a card is either wholly good or has no partition table at all.

The table's place is emptied first and filled last; in between all else is written and read back. A card
that was pulled out in between boots nowhere, and no one mistakes it for a good one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging.blockmap import Extent
from scripts.imaging.layout import SECTOR
from scripts.imaging.target import Target

CHUNK = 4 * 1024 * 1024
HEAD = 1024 * 1024
"""Both partition tables lie within the first and the last of these bytes."""
BLKFLSBUF = 0x1261
"""Source: linux/fs.h."""

Tell = Callable[[str, int], None]
"""Told what is done, and how many bytes more of it are."""


class Card:
    """An image on its way to a target; used as `with writing(…) as card`, step by step."""

    def __init__(self, image: int, device: int, target: Target, extents: list[Extent]) -> None:
        self._image, self._device, self._target = image, device, target
        self._body = list(_beyond(HEAD, extents))
        self.bytes = sum(extent.length for extent in extents)

    def clear(self) -> None:
        """Empty the places of both partition tables: from now on the card is no good."""
        for place in {0, max(self._target.size - HEAD, 0)}:
            self._put(bytes(min(HEAD, self._target.size)), place)
        self._sync()

    def write(self, tell: Tell) -> None:
        """Write everything but the partition table."""
        for extent in self._body:
            for place, content in self._pieces(self._image, extent):
                self._put(content, place)
                tell("writing", len(content))
        self._sync()

    def verify(self, tell: Tell) -> None:
        """Read everything back from the card itself.

        Raises: ImageError naming the first place where the card does not hold what was written.
        """
        self._forget()
        for extent in self._body:
            wanted = hashlib.sha256()
            written = self._pieces(self._image, extent)
            for (place, ours), (_, theirs) in zip(written, self._pieces(self._device, extent), strict=True):
                if ours != theirs:
                    raise self._bad(place)
                wanted.update(ours)
                tell("verifying", len(ours))
            if extent.sha256 and wanted.hexdigest() != extent.sha256:
                raise ImageError(
                    f"the image is damaged between bytes {extent.start} and {extent.end}, says its block map",
                    hint="copy image and block map again",
                )

    def finish(self) -> None:
        """Write the partition table, its header last of all: now the card is good.

        Raises: ImageError when it cannot be read back.
        """
        head = os.pread(self._image, HEAD, 0)
        self._put(head[:SECTOR], 0)
        self._put(head[2 * SECTOR :], 2 * SECTOR)
        self._sync()
        self._put(head[SECTOR : 2 * SECTOR], SECTOR)
        self._sync()
        self._forget()
        if os.pread(self._device, HEAD, 0) != head:
            raise self._bad(0)

    def _pieces(self, source: int, extent: Extent) -> Iterator[tuple[int, bytes]]:
        for place in range(extent.start, extent.end, CHUNK):
            content = os.pread(source, min(CHUNK, extent.end - place), place)
            if len(content) != min(CHUNK, extent.end - place):
                name = "the image" if source == self._image else self._target.path
                raise ImageError(f"{name} ends at byte {place + len(content)}, before {extent.end}")
            yield place, content

    def _put(self, content: bytes, place: int) -> None:
        try:
            while content:
                done = os.pwrite(self._device, content, place)
                content, place = content[done:], place + done
        except OSError as error:
            raise self._lost(place, error) from error

    def _sync(self) -> None:
        try:
            os.fsync(self._device)
        except OSError as error:
            raise self._lost(0, error) from error

    def _forget(self) -> None:
        """What is read next comes from the card, not from memory."""
        os.posix_fadvise(self._device, 0, 0, os.POSIX_FADV_DONTNEED)
        if self._target.block:
            fcntl.ioctl(self._device, BLKFLSBUF, 0)

    def _bad(self, place: int) -> ImageError:
        return ImageError(
            f"{self._target.path} does not hold what was written at byte {place}: it is bad, or a forgery",
            hint="throw it away; it has no partition table now and boots nowhere",
        )

    def _lost(self, place: int, error: OSError) -> ImageError:
        return ImageError(
            f"{self._target.path} cannot be written at byte {place}: {error.strerror}",
            hint="it has no partition table now and boots nowhere: flash it again",
        )


@contextmanager
def writing(image: Path, target: Target, extents: list[Extent]) -> Iterator[Card]:
    """Open the image and, for nobody else at the same time, the target.

    Raises: ImageError when either cannot be opened.
    """
    source = os.open(image, os.O_RDONLY)
    try:
        try:
            device = os.open(target.path, os.O_RDWR | (os.O_EXCL if target.block else 0))
        except OSError as error:
            raise ImageError(
                f"{target.path} cannot be opened for writing: {error.strerror}",
                hint="run it with sudo; if it is busy, something has it mounted or open",
            ) from error
        try:
            yield Card(source, device, target, extents)
        finally:
            os.close(device)
    finally:
        os.close(source)


def _beyond(head: int, extents: list[Extent]) -> Iterator[Extent]:
    """The extents without what lies before `head`; one that is cut has lost its hash."""
    for extent in extents:
        if extent.start >= head:
            yield extent
        elif extent.end > head:
            yield Extent(head, extent.end - head)
