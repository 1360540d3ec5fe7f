"""What the outbox does on a disk that something else has filled.

First what costs no read: the log is shortened, a broken outbox that was moved aside is removed. Then the
room kept back is given up, and with it reads are dropped, delivered ones first, in small steps. From then on
the outbox holds no more than was left, so that its file does not grow, until the disk has room again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, TypeVar

from anpr_edge.errors import OutboxFull
from anpr_edge.outbox import aside, housekeeping
from anpr_edge.outbox.database import FILE_MODE
from anpr_edge.outbox.reserve import Reserve
from anpr_edge.records import LossCause

SHRINK_SHARE: Final = 50
SHRINK_BYTES: Final = 32 * 1024
"""What reads give up at a time: a fiftieth of what is kept, at least this, and what the reserve can bear."""

_T = TypeVar("_T")


class Room:
    """The bound of one outbox in bytes: what it may hold, and what a full disk leaves of that.

    `database` gives its connection, `transaction` begins a transaction that writes.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        database: Callable[[], sqlite3.Connection],
        transaction: Callable[[], AbstractContextManager[sqlite3.Connection]],
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._database = database
        self._transaction = transaction
        self._reserve = Reserve(aside.beside(path, "reserve"), max_bytes, FILE_MODE)
        self._tight_bytes: int | None = None
        self._shrank_in_vain = False

    @property
    def log_bytes(self) -> int:
        """How long the write-ahead log may grow: what the reserve lets be written back."""
        return self._reserve.size // 2

    @property
    def is_tight(self) -> bool:
        """Whether the outbox holds no more than a full disk has left it."""
        return self._tight_bytes is not None

    def do(self, work: Callable[[], _T], *, shrink: bool = False) -> _T:
        """Do it, on a full disk with the room kept back, and with `shrink` with room that reads give up.

        Raises: OutboxFull when that was not enough.
        """
        try:
            return work()
        except OutboxFull:
            self.shorten_log()
            aside.discard(self._path)
        try:
            return work()
        except OutboxFull:
            if not self._reserve.give_back() and not shrink:
                raise
            self.shorten_log()
        if shrink and not self._shrank_in_vain:
            self._shrank_in_vain = True
            self._shrink()
        done = work()
        self._shrank_in_vain = False
        return done

    def make(self, db: sqlite3.Connection) -> None:
        """Drop what is beyond the bound, in the caller's transaction."""
        housekeeping.make_room(db, self._max_bytes)
        if self._tight_bytes is not None:
            housekeeping.make_room(db, self._tight_bytes, (LossCause.DISK_FULL, LossCause.DISK_FULL))

    def take_reserve(self) -> None:
        """Keep room back when the disk has it to spare; then the outbox may grow again."""
        if self._reserve.take():
            self._tight_bytes = None

    def give_back(self) -> None:
        """Let go of the room kept back."""
        self._reserve.give_back()

    def shorten_log(self) -> None:
        """Give the disk back what the log has grown to, as far as the other process lets it."""
        with suppress(sqlite3.Error):
            self._database().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _shrink(self) -> None:
        """Drop a step's worth of reads; what they took is used again at once."""
        with self._transaction() as db:
            kept = db.execute("SELECT sum(bytes) FROM feeds").fetchone()[0] or 0
            step = max(SHRINK_BYTES, min(kept // SHRINK_SHARE, self._reserve.size // 4))
            self._tight_bytes = max(0, kept - step)
            self.make(db)
        self.shorten_log()
