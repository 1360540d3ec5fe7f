"""Looks into an outbox without changing anything, while the services go on using it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from anpr_edge.errors import OutboxError
from anpr_edge.outbox import housekeeping
from anpr_edge.outbox.database import BUSY_S, explained
from anpr_edge.outbox.migrations import APPLICATION_ID, SCHEMA_VERSION, schema_of
from anpr_edge.outbox.retention import this_boot
from anpr_edge.outbox.stats import FeedStats
from anpr_edge.records import Instant, SealedRead


class OutboxView:
    """One consistent look: what is kept is what was kept when it was opened."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._db = connection

    def stats(self, now: Instant, boot_id: bytes | None = None) -> Mapping[str, FeedStats]:
        """How full each feed is. Raises: OutboxError."""
        with _errors(self._path):
            age_ns = housekeeping.age(self._db, now, this_boot() if boot_id is None else boot_id).age_ns
            return housekeeping.stats(self._db, age_ns)

    def reads(self, feed: str) -> Iterator[SealedRead]:
        """Every read kept of one feed, sent or not, in the order of their numbers. Raises: OutboxError."""
        with _errors(self._path):
            rows = self._db.execute("SELECT seq, blob FROM reads WHERE feed = ? ORDER BY seq", (feed,))
            for seq, blob in rows:
                yield SealedRead(feed, seq, blob)


@contextmanager
def open_view(path: Path) -> Iterator[OutboxView]:
    """The outbox at `path`, to be looked at.

    Raises: OutboxError when there is none, it may not be read, or it is other software's or version's.
    """
    _check_readable(path)
    with _errors(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None
        )
    try:
        with _errors(path):
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            if (owner, schema_of(connection)) != (APPLICATION_ID, SCHEMA_VERSION):
                raise OutboxError(f"{path}: not an outbox of schema {SCHEMA_VERSION}")
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM feeds").fetchone()
        yield OutboxView(path, connection)
    finally:
        connection.close()


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise OutboxError(f"{path}: no outbox", hint="the reader makes it when it starts") from None
    except OSError as error:
        raise OutboxError(f"{path}: {error.strerror}", hint="run it as root") from None


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path) from None
