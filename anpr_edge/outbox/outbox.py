"""The outbox on SQLite: what the two services share, and all they share.

The reader appends, the uplink takes what is due; each opens the file for itself. A read, its number and
the hash it follows are committed together, and are on the disk when `append` returns.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Final

from anpr_edge.errors import OutboxBroken, OutboxError
from anpr_edge.outbox import aside, database, delivery, housekeeping, losses, numbering, salvage
from anpr_edge.outbox.marks import Marks, marks_error, read_marks
from anpr_edge.outbox.retention import this_boot
from anpr_edge.outbox.room import Room
from anpr_edge.outbox.stats import FeedStats
from anpr_edge.records import Delivery, Loss, LossCause, OutboxEntry, SealedRead
from anpr_edge.seams import Clock, SealAs

SMALLEST_BYTES: Final = 64 * 1024
DEFAULT_RETENTION: Final = timedelta(days=7)
"""For reads of a feed that is in the outbox and no longer in the configuration."""

HOUSEKEEPING_NS: Final = 60 * 10**9
"""How often what is too old is looked for."""

_log = logging.getLogger(__name__)


class SqliteOutbox:
    """Keeps sealed reads in one SQLite file until their feed's centre has them.

    It holds at most `max_bytes`: beyond that the oldest sent reads go first, then the oldest of the feeds
    that take more than an equal share. A read goes when it is older than its feed's `retention`. Both are
    counted. Reads of the feeds `first`
    are due before all others. Safe to use from several threads; one process appends. A
    feed's numbers begin where `start` says.

    A file that turns out broken, or is gone from its place, is begun anew by `append` once the other process
    has let go of it, with what can be saved of it; until then every call raises OutboxBroken. On a disk that
    something else has filled `append` drops reads as if the outbox were full.

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
        self._retention = dict(retention)
        self._default_retention = default_retention
        self._first = frozenset(first)
        self._start = start
        self._guard = RLock()
        self._lost_marks = 0
        self.on_progress: Callable[[], None] = lambda: None
        """Called now and then while much is to be saved, for whoever watches that this goes on."""
        self._room = Room(path, max_bytes, lambda: self._db, self._transaction)
        self._open()

    def append(self, requests: Sequence[tuple[str, SealAs]], *, patient: bool = False) -> list[SealedRead]:
        """Number, seal and keep one read for each (feed, seal) pair, all in one transaction.

        On a full disk older reads give way to them; with `patient` they are refused instead.
        Raises: OutboxError, after which none of them is kept and no number is used.
        """
        with self._guard:
            self._mend()
            return self._room.do(lambda: self._append(requests), shrink=not patient)

    def give_up(self, counts: Mapping[tuple[str, LossCause], int]) -> None:
        """Use up a number for each read of a feed that can never be kept, so that its loss is reported.

        Raises: OutboxError, after which no number is used.
        """
        with self._guard:
            self._mend()
            self._room.do(lambda: self._skip(counts), shrink=True)

    def report_losses(self, sealing: Callable[[str, Sequence[Loss]], SealAs | None]) -> int:
        """Append a loss report to each feed that has losses to report; how many reports that were.

        `sealing` says how a feed's report is sealed; None for a feed that gets nothing any more.

        Raises: OutboxError, after which nothing counts as reported.
        """
        with self._guard:
            self._mend()
            return self._room.do(lambda: self._report_losses(sealing))

    def due(self, limit: int, *, held: Collection[str] = ()) -> list[OutboxEntry]:
        """Unsent reads whose time has come: the newest live ones first, then the backlog oldest first.

        None of the feeds `held`.

        Raises: OutboxError.
        """
        with self._guard, self._errors():
            if self._lost_touch:
                self._begin_anew()
            self.check()
            self._keep_house_if_late()
            now = self._clock.now()
            age_ns = housekeeping.age(self._db, now, self._boot_id).age_ns
            return delivery.due(self._db, limit, age_ns, now.utc_ns, self._first, held=held)

    def record(self, deliveries: Sequence[Delivery]) -> None:
        """Mark accepted reads sent; put refused ones back with a later next attempt.

        Raises: OutboxError.
        """
        if not deliveries:
            return

        def write() -> None:
            with self._transaction() as db:
                age_ns = housekeeping.age(db, self._clock.now(), self._boot_id).age_ns
                delivery.record(db, deliveries, age_ns)

        with self._guard:
            self._room.do(write)

    def settle(self, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> None:
        """Forget reads up to `watermark` except inside `gaps` (first, last), which go out again.

        A watermark below the last one forgets nothing: of its gaps, what is still kept goes out again.

        Raises: OutboxError for a number this feed has never used. That is counted and no read is forgotten;
        a watermark above the last number tells that an older copy of this outbox was put back, and the next
        read begins a new epoch above it.
        """
        with self._guard:
            step = self._next_step(feed, 0, watermark)
            refused = self._room.do(partial(self._settle, feed, step, gaps))
            if refused:
                raise OutboxError(f"{self._path}: watermark {watermark} for feed {feed!r}: {refused}")
            while step < watermark:
                step = self._next_step(feed, step, watermark)
                self._room.do(partial(self._settle, feed, step, gaps))

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
        return aside.rebuilds(self._path)

    @property
    def is_tight(self) -> bool:
        """Whether a full disk leaves it less room than it may have: older reads give way to new ones."""
        return self._room.is_tight

    @property
    def lost_marks(self) -> int:
        """How many times the number used last could not be written to the marks file."""
        return self._lost_marks

    def check(self) -> None:
        """Pass unless the file is gone from its place, or one of the processes has found it broken.

        Raises: OutboxBroken.
        """
        if database.is_broken(self._path):
            raise OutboxBroken(f"{self._path}: broken", hint="restart this service")
        if self._is_gone():
            raise OutboxBroken(
                f"{self._path}: removed or replaced while in use",
                hint="look at the mount; restart this service",
            )

    def close(self) -> None:
        """Release the file; harmless when called twice."""
        with self._guard:
            self._db.close()
            self._marks.close()
            self._lock.close()

    def _settle(self, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> str:
        with self._transaction() as db:
            age_ns = housekeeping.age(db, self._clock.now(), self._boot_id).age_ns
            refused = delivery.settle(db, feed, watermark, gaps, age_ns)
            if refused:
                numbering.pass_by(db, feed, watermark, self._start)
            return refused

    def _next_step(self, feed: str, step: int, watermark: int) -> int:
        """How far to settle in one transaction: neither the log nor the other process's wait grows long."""
        with self._errors():
            return delivery.next_step(self._db, feed, step, watermark)

    def _append(self, requests: Sequence[tuple[str, SealAs]]) -> list[SealedRead]:
        with self._transaction() as db:
            self._keep_house(db)
            age_ns = housekeeping.age(db, self._clock.now(), self._boot_id).age_ns
            last = numbering.last_numbers(db, {feed for feed, _ in requests}, self._start)
            sealed = [numbering.append(db, feed, seal, age_ns) for feed, seal in requests]
            self._room.make(db)
            self._prepare_marks(last)
        self._advance_marks({read.feed: read.seq for read in sealed})
        return sealed

    def _skip(self, counts: Mapping[tuple[str, LossCause], int]) -> None:
        used: dict[str, int] = {}
        with self._transaction() as db:
            last = numbering.last_numbers(db, {feed for feed, _ in counts}, self._start)
            for (feed, cause), count in counts.items():
                if count:
                    used[feed] = numbering.skip(db, feed, count, cause)
            self._prepare_marks(last)
        self._advance_marks(used)

    def _report_losses(self, sealing: Callable[[str, Sequence[Loss]], SealAs | None]) -> int:
        used: dict[str, int] = {}
        with self._transaction() as db:
            self._keep_house(db)
            age_ns = housekeeping.age(db, self._clock.now(), self._boot_id).age_ns
            for feed in losses.feeds_to_report(db):
                rows = losses.unreported(db, feed)
                seal = sealing(feed, tuple(rows.values()))
                if seal is not None:
                    self._prepare_marks(numbering.last_numbers(db, [feed], self._start))
                    used[feed] = numbering.append(db, feed, seal, age_ns).seq
                    losses.reported(db, rows, used[feed], age_ns)
        self._advance_marks(used)
        return len(used)

    # ── a broken file, and one that is gone ─────────────────────────────────────────────────

    def _open(self) -> None:
        self._kept_house_ns: int | None = None
        self._marks = Marks(aside.beside(self._path, "marks"), database.FILE_MODE)
        self._lock = database.take_lock(self._path)
        try:
            self._db = database.open_database(self._path, self._lock, log_bytes=self._room.log_bytes)
            self._identity = database.identity(self._path)
            self._begin()
        except BaseException:
            self._lock.close()
            raise
        self._let_go = self._lost_touch = False

    def _is_gone(self) -> bool:
        return database.identity(self._path) != self._identity

    def _mend(self) -> None:
        """Before a read is kept: take the file that has come, or has to come, in the place of ours."""
        if not self._let_go and not database.is_broken(self._path) and self._is_gone():
            self._move_over()
        elif self._let_go or self._lost_touch or database.is_broken(self._path):
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Let go of a broken file, and take the one that comes in its place, if it can come already."""
        self._let_go = True
        self.close()
        self._open()

    def _move_over(self) -> None:
        """Our file is open and has lost its place: take what it holds over into the one that is there now."""
        db, old_marks, lock, was = self._db, self._marks, self._lock, self._identity
        try:
            self._open()
            with self._transaction() as new:
                marks = self._last_numbers(db)
                saved = salvage.save(db, new, marks, self._start, self._next_transaction, whole=True)
        except BaseException:
            if self._db is not db:
                self.close()
            self._db, self._marks, self._lock, self._identity = db, old_marks, lock, was
            raise
        db.close()
        old_marks.close()
        lock.close()
        _log.error("%s was removed or replaced; %d reads moved over to a new one", self._path, saved.reads)

    def _last_numbers(self, db: sqlite3.Connection) -> dict[str, int]:
        return dict(db.execute("SELECT feed, last_seq FROM feeds").fetchall())

    def _begin(self) -> None:
        """Take up where the last process stopped: numbers, age, and what has grown too old meanwhile."""
        try:
            marks = read_marks(aside.beside(self._path, "marks"))
            with database.one_at_a_time(self._path):
                with self._transaction() as db:
                    self._save_from_broken(db, marks)
                    numbering.reconcile(db, marks, self._start)
                    self._keep_house(db)
                aside.salvaged(self._path)
        except OSError as error:
            self._db.close()
            raise marks_error(self._path, error) from None
        except BaseException:
            self._db.close()
            raise

    def _save_from_broken(self, db: sqlite3.Connection, marks: Mapping[str, int]) -> None:
        broken = aside.to_salvage(self._path)
        if broken is None:
            return
        with closing(sqlite3.connect(broken)) as source:
            source.execute("PRAGMA cell_size_check = ON")
            saved = salvage.save(source, db, marks, self._start, self._next_transaction)
        _log.error("%d reads saved from %s; at most %d are lost with it", saved.reads, broken, saved.lost)

    def _next_transaction(self, keep: bool) -> None:
        """End this transaction and begin the next one."""
        if self._db.in_transaction:
            self._db.execute("COMMIT" if keep else "ROLLBACK")
        if not keep:
            self._room.give_back()
        database.begin(self._db)
        self.on_progress()

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
        self._room.take_reserve()
        self._kept_house_ns = mono_ns

    def _prepare_marks(self, last: Mapping[str, int]) -> None:
        try:
            self._marks.prepare(last)
        except OSError as error:
            raise marks_error(self._path, error) from None

    def _advance_marks(self, used: Mapping[str, int]) -> None:
        """The reads are committed: a mark that cannot be written must not make them look lost."""
        try:
            self._marks.advance(used)
        except OSError:
            self._lost_marks += 1

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self.check()
            database.begin(self._db)
            with self._db:
                yield self._db

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._lost_touch = database.is_out_of_touch(error)
            raise database.explained(error, self._path) from None
