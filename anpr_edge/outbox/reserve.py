"""Room kept back on the disk, so that a full one still lets the outbox make room for itself.

To drop a row, too, takes a little of the disk: the write-ahead log grows before anything shrinks.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 8 << 20
SHARE: Final = 32
"""An outbox keeps back this part of what it may hold, up to `MOST_BYTES`: twice what its log may grow to,
so that a full disk lets the log be written back first, and then reads be dropped."""


class Reserve:
    """The file `outbox.db.reserve`. Either service gives it back, and takes it again when there is room."""

    def __init__(self, path: Path, max_bytes: int, mode: int) -> None:
        self._path = path
        self._mode = mode
        self.size = min(MOST_BYTES, max_bytes // SHARE)

    def take(self) -> bool:
        """Have the room, when the disk has twice as much to spare; whether it is there now."""
        with suppress(OSError):
            system = os.statvfs(self._path.parent)
            if self._path.exists():
                return True
            if system.f_bavail * system.f_frsize < 2 * self.size:
                return False
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, self._mode)
            try:
                os.fchmod(descriptor, self._mode)
                os.posix_fallocate(descriptor, 0, self.size)
            except OSError:
                self.give_back()
                raise
            finally:
                os.close(descriptor)
            return True
        return False

    def give_back(self) -> bool:
        """Let go of the room; whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
