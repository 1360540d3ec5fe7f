"""The highest number each feed has used, kept apart from the database: no number is ever used twice.

When the database is lost, or an older copy of it is put back, numbering goes on in the epoch after the mark's
and the feed's chain starts again, so that the centre can tell. One line a feed: twenty digits, its name.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Final

from anpr_edge.errors import OutboxError, OutboxFull

SYNC_EVERY: Final = 10_000
"""A mark is written after its commit and forced to the disk this seldom: a power cut may leave it behind, by
less numbers than this, of an epoch's 2^40."""

_LINE: Final = re.compile(rb"(\d{20}) ([A-Za-z0-9._-]+)\n")


def read_marks(path: Path) -> dict[str, int]:
    """The marks in a file; none when there is no file. A line that cannot be read counts as absent."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    return {name.decode(): int(digits) for digits, name in _LINE.findall(content)}


class Marks:
    """The marks file as the one process that appends writes it."""

    def __init__(self, path: Path, mode: int) -> None:
        self._path = path
        self._mode = mode
        self._descriptor: int | None = None
        self._offsets: dict[str, int] = {}
        self._synced: dict[str, int] = {}

    def prepare(self, last: Mapping[str, int]) -> None:
        """Make room for these feeds, each with the number it has used last.

        Raises: OSError.
        """
        if last.keys() <= self._offsets.keys():
            return
        marks = read_marks(self._path)
        for feed, seq in last.items():
            marks[feed] = max(seq, marks.get(feed, 0))
        self._rewrite(marks)

    def advance(self, last: Mapping[str, int]) -> None:
        """Write the numbers used last, of prepared feeds. Raises: OSError."""
        if self._descriptor is None:
            return
        for feed, seq in last.items():
            os.pwrite(self._descriptor, b"%020d" % seq, self._offsets[feed])
            if seq - self._synced[feed] >= SYNC_EVERY:
                os.fsync(self._descriptor)
                self._synced[feed] = seq

    def close(self) -> None:
        """Release the file; harmless when called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
        self._offsets = {}

    def _rewrite(self, marks: Mapping[str, int]) -> None:
        """Replace the file as a whole, so that it is either the old one or the new one."""
        lines = {feed: b"%020d %s\n" % (seq, feed.encode()) for feed, seq in marks.items()}
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)
        try:
            os.fchmod(descriptor, self._mode)
            os.write(descriptor, b"".join(lines.values()))
            os.fsync(descriptor)
            fresh.replace(self._path)
        except OSError:
            os.close(descriptor)
            raise
        self.close()
        self._descriptor = descriptor
        self._offsets = dict(zip(lines, accumulate(map(len, lines.values()), initial=0), strict=False))
        self._synced = dict(marks)


def marks_error(path: Path, error: OSError) -> OutboxError:
    """What to raise when the marks of the outbox at `path` cannot be read or written."""
    kind = OutboxFull if error.errno == errno.ENOSPC else OutboxError
    return kind(
        f"{path}.marks: {error.strerror}", hint="look at the disk's room, and the file's owner and mode"
    )
