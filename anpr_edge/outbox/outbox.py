"""The outbox on SQLite: what the two services share, and all they share.

The reader appends, the uplink takes what is due; each opens the file for itself. A read, its number and
the hash it follows are committed together, and are on the disk when `append` returns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import RLock
from typing import Final

from anpr_edge.errors import OutboxBroken, OutboxError
from anpr_edge.outbox import database, delivery, housekeeping, numbering
from anpr_edge.outbox.marks import Marks, read_marks
from anpr_edge.outbox.retention import this_boot
from anpr_edge.outbox.stats import FeedStats
from anpr_edge.records import Delivery, OutboxEntry, SealedRead
from anpr_edge.seams import Clock, SealAs

SMALLEST_BYTES: Final = 64 * 1024
DEFAULT_RETENTION: Final = timedelta(days=7)
"""For reads of a feed that is in the outbox and no longer in the configuration."""

HOUSEKEEPING_NS: Final = 60 * 10**9
"""How often what is too old is looked for."""


class SqliteOutbox:
    """Keeps sealed reads in one SQLite file until their feed's centre has them.

    It holds at most `max_bytes`: beyond that the oldest sent reads go first, then the oldest. A read
    goes when it is older than its feed's `retention`. Both are counted. Reads of the feeds `first`
    are due before all others. Safe to use from several threads; one process appends. A
    feed's numbers begin where `start` says.

    A file that turns out broken is begun anew by `append` once the other process has let go of it; until then
    every call raises OutboxBroken.

    Raises: OutboxError when the file cannot be opened, made or written.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        max_bytes: int,
        retention: Mapping[str, timedelta],
        default_retention: timedelta = DEFAULT_RETENTION,
        boot_id: bytes | None = None,
        first: Collection[str] = (),
        start: numbering.Start = numbering.random_start,
    ) -> None:
        if max_bytes < SMALLEST_BYTES:
            raise OutboxError(f"{path}: {max_bytes} bytes, an outbox holds at least {SMALLEST_BYTES}")
        self._path = path
        self._clock = clock
        self._boot_id = this_boot() if boot_id is None else boot_id
        self._max_bytes = max_bytes
        self._retention = dict(retention)
        self._default_retention = default_retention
        self._first = frozenset(first)
        self._start = start
        self._guard = RLock()
        self._lost_marks = 0
        self._open()

    def append(self, requests: Sequence[tuple[str, SealAs]]) -> list[SealedRead]:
        """Number, seal and keep one read for each (feed, seal) pair, all in one transaction.

        Raises: OutboxError, after which none of them is kept and no number is used.
        """
        with self._guard:
            if self._let_go or database.is_broken(self._path):
                self._begin_anew()
            with self._transaction() as db:
                self._keep_house(db)
                age_ns = housekeeping.age(db, self._clock.now(), self._boot_id).age_ns
                last = numbering.last_numbers(db, {feed for feed, _ in requests}, self._start)
                sealed = [numbering.append(db, feed, seal, age_ns) for feed, seal in requests]
                housekeeping.make_room(db, self._max_bytes)
                self._prepare_marks(last)
            self._advance_marks(sealed)
        return sealed

    def due(self, limit: int) -> list[OutboxEntry]:
        """Unsent reads whose time has come: the newest live ones first, then the backlog oldest first.

        Raises: OutboxError.
        """
        with self._guard, self._errors():
            self.check()
            self._keep_house_if_late()
            now = self._clock.now()
            age_ns = housekeeping.age(self._db, now, self._boot_id).age_ns
            return delivery.due(self._db, limit, age_ns, now.utc_ns, self._first)

    def record(self, deliveries: Sequence[Delivery]) -> None:
        """Mark accepted reads sent; put refused ones back with a later next attempt.

        Raises: OutboxError.
        """
        if not deliveries:
            return
        with self._guard, self._transaction() as db:
            age_ns = housekeeping.age(db, self._clock.now(), self._boot_id).age_ns
            delivery.record(db, deliveries, age_ns)

    def settle(self, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> None:
        """Forget reads up to `watermark` except inside `gaps` (first, last), which go out again.

        A watermark below the last one is out of date and changes nothing.

        Raises: OutboxError for a number this feed has never used; that is counted and changes nothing.
        """
        with self._guard:
            with self._transaction() as db:
                refused = delivery.settle(db, feed, watermark, gaps)
            if refused:
                raise OutboxError(f"{self._path}: watermark {watermark} for feed {feed!r}: {refused}")

    def hurry(self) -> int:
        """Make everything kept due now; gives what `left` wants to know. Raises: OutboxError."""
        with self._guard, self._transaction() as db:
            return delivery.hurry(db)

    def left(self, newest: int) -> int:
        """How many of the reads up to `newest` (of `hurry`) are still kept. Raises: OutboxError."""
        with self._guard, self._errors():
            query = "SELECT count(*) FROM reads WHERE id <= ?"
            return int(self._db.execute(query, (newest,)).fetchone()[0])

    def stats(self) -> dict[str, FeedStats]:
        """How full each feed is. Raises: OutboxError."""
        with self._guard, self._errors():
            age_ns = housekeeping.age(self._db, self._clock.now(), self._boot_id).age_ns
            return housekeeping.stats(self._db, age_ns)

    @property
    def rebuilds(self) -> int:
        """How many broken outboxes have been moved aside here."""
        return database.rebuilds(self._path)

    @property
    def lost_marks(self) -> int:
        """How many times the number used last could not be written to the marks file."""
        return self._lost_marks

    def check(self) -> None:
        """Pass unless this process or the other one has found the file broken. Raises: OutboxBroken."""
        if database.is_broken(self._path):
            raise OutboxBroken(f"{self._path}: broken", hint="restart this service")

    def close(self) -> None:
        """Release the file; harmless when called twice."""
        with self._guard:
            self._db.close()
            self._marks.close()
            self._lock.close()

    def _open(self) -> None:
        self._kept_house_ns: int | None = None
        self._marks = Marks(database.beside(self._path, "marks"), database.FILE_MODE)
        self._lock = database.take_lock(self._path)
        try:
            self._db = database.open_database(self._path, self._lock)
            self._begin()
        except BaseException:
            self._lock.close()
            raise
        self._let_go = False

    def _begin_anew(self) -> None:
        """Let go of a broken file, and take the one that comes in its place, if it can come already."""
        self._let_go = True
        self.close()
        self._open()

    def _begin(self) -> None:
        """Take up where the last process stopped: numbers, age, and what has grown too old meanwhile."""
        try:
            marks = read_marks(database.beside(self._path, "marks"))
            with self._transaction() as db:
                numbering.reconcile(db, marks, self._start)
                self._keep_house(db)
        except OSError as error:
            self._db.close()
            raise self._marks_error(error) from None
        except BaseException:
            self._db.close()
            raise

    def _keep_house_if_late(self) -> None:
        mono_ns = self._clock.now().mono_ns
        if self._kept_house_ns is None or mono_ns - self._kept_house_ns >= HOUSEKEEPING_NS:
            with self._transaction() as db:
                self._keep_house(db)

    def _keep_house(self, db: sqlite3.Connection) -> None:
        mono_ns = self._clock.now().mono_ns
        if self._kept_house_ns is not None and mono_ns - self._kept_house_ns < HOUSEKEEPING_NS:
            return
        mark = housekeeping.age(db, self._clock.now(), self._boot_id)
        housekeeping.save_age(db, mark)
        housekeeping.expire(db, mark.age_ns, self._retention, self._default_retention)
        delivery.offer_unconfirmed(db, mark.age_ns)
        self._kept_house_ns = mono_ns

    def _prepare_marks(self, last: Mapping[str, int]) -> None:
        try:
            self._marks.prepare(last)
        except OSError as error:
            raise self._marks_error(error) from None

    def _advance_marks(self, sealed: Sequence[SealedRead]) -> None:
        """The reads are committed: a mark that cannot be written must not make them look lost."""
        try:
            self._marks.advance({read.feed: read.seq for read in sealed})
        except OSError:
            self._lost_marks += 1

    def _marks_error(self, error: OSError) -> OutboxError:
        return OutboxError(
            f"{self._path}.marks: {error.strerror}",
            hint="look at the disk's room, and the file's owner and mode",
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self.check()
            database.begin(self._db)
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise database.explained(error, self._path) from None
