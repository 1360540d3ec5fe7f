"""Reads in PostgreSQL: one partition a day, shared by any number of processes on any number of machines.

A batch is one transaction. It locks the rows of its feeds, so that whoever has the next part of one unit's
numbers waits, and goes on from what was committed. A lost connection is made again; a commit whose answer was
lost is tried again, and what it had kept is a repeat then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from anpr_edge.central.dedupe import FeedKey, FeedLedger
from anpr_edge.central.prints import PendingPrints, print_of
from anpr_edge.central.stores import Batch, Dropped, ledger_text
from anpr_edge.central.stores.postgres_connection import Connection
from anpr_edge.central.stores.postgres_schema import check
from anpr_edge.central.stores.rows import FeedRow, ReadRow, RefusalRow, feed_row, rows_of

if TYPE_CHECKING:
    import psycopg

    Db = psycopg.Connection[tuple[Any, ...]]

AHEAD_DAYS = 8
"""Partitions are made for this day and the seven after it, in case nobody may make any for a while."""

PAGE = 1000
"""Reads fetched at once while the whole store is read."""

LOOK_UP = """SELECT hash FROM anpr.plate_read WHERE feed_id = %(id)s AND seq = %(seq)s
    UNION ALL SELECT hash FROM anpr.refusal WHERE feed_id = %(id)s AND seq = %(seq)s"""

FIND = "SELECT id FROM anpr.feed WHERE fleet = %s AND unit = %s AND feed = %s AND signer_kid = %s"

DOCUMENTS = """SELECT document FROM anpr.plate_read JOIN anpr.feed ON feed.id = feed_id
    WHERE (%(feed)s::text IS NULL OR feed.feed = %(feed)s)
      AND first_seen >= coalesce(%(since)s::timestamptz, '-infinity')
      AND first_seen < coalesce(%(until)s::timestamptz, 'infinity')
    ORDER BY day, received, feed_id, seq"""


@dataclass
class _Known:
    """What need not be asked again on one connection: the feeds' rows, and the days that have partitions."""

    db: Db | None
    ids: dict[FeedKey, int] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)


class PostgresStore:
    """A schema that `anpr-central store init` made, at a libpq URL without a password.

    Raises: StoreUnavailable when the server cannot be reached now; StoreError when it refuses us, or its
    schema is absent or newer; UsageError for a URL that cannot be.
    """

    def __init__(self, url: str) -> None:
        self._connection = Connection(url)
        self._known = _Known(None)
        try:
            check(self._connection)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def batch(self, keys: Collection[FeedKey]) -> Iterator[Batch]:
        """One transaction over the ledgers of `keys` and what is kept with them."""
        with self._connection.use() as db:
            known = self._known_of(db)
            with db.transaction():
                ids = {key: known.ids.get(key) or _id_of(db, key) for key in sorted(keys)}
                batch = Batch(_locked(db, ids))
                yield batch
                days = _keep(db, batch, ids, known.days)
            known.ids.update(ids)
            known.days |= days

    def ledgers(self, keys: Collection[FeedKey] | None = None) -> Mapping[FeedKey, FeedLedger]:
        """How the feeds stand now."""
        with self._connection.use() as db:
            known = self._known_of(db)
            if keys is None:
                rows = db.execute(
                    "SELECT fleet, unit, feed, signer_kid, id, ledger FROM anpr.feed ORDER BY id"
                )
                return {FeedKey(*row[:4]): _restored(db, row[4], row[5]) for row in rows.fetchall()}
            ids = {key: known.ids.get(key) or _find(db, key) for key in keys}
            wanted = [one for one in ids.values() if one is not None]
            found = dict(
                db.execute("SELECT id, ledger FROM anpr.feed WHERE id = ANY(%s)", (wanted,)).fetchall()
            )
            return {
                key: FeedLedger() if one is None else _restored(db, one, found[one])
                for key, one in ids.items()
            }

    def documents(
        self, feed: str | None = None, since_utc_ns: int | None = None, until_utc_ns: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """The reads first seen in [since, until), as they came; fetched page by page."""
        limits = {"feed": feed, "since": _moment(since_utc_ns), "until": _moment(until_utc_ns)}
        with self._connection.use() as db, db.transaction(), db.cursor("documents") as cursor:
            cursor.itersize = PAGE
            for (document,) in cursor.execute(DOCUMENTS, limits):
                yield document

    def forget_before(self, day: date) -> Dropped:
        """Drop the partitions of the days before `day`."""
        with self._connection.use() as db:
            row = db.execute("SELECT reads, refusals FROM anpr.forget(%s)", (day,)).fetchone()
        assert row is not None
        self._known = _Known(None)
        return Dropped(*row)

    def close(self) -> None:
        """End the connection; harmless when called twice."""
        self._connection.close()

    def _known_of(self, db: Db) -> _Known:
        """What this connection knows; a new one begins anew: it may be to a copy that was put back."""
        if self._known.db is not db:
            self._known = _Known(db)
        return self._known


def _locked(db: Db, ids: Mapping[FeedKey, int]) -> dict[FeedKey, FeedLedger]:
    """The ledgers, ours until the transaction ends; locked in one order by all: none waits in a ring."""
    statement = "SELECT id, ledger FROM anpr.feed WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
    texts: dict[int, str] = dict(db.execute(statement, (list(ids.values()),)).fetchall())
    return {key: _restored(db, feed_id, texts[feed_id]) for key, feed_id in ids.items()}


def _keep(db: Db, batch: Batch, ids: Mapping[FeedKey, int], prepared: Set[date]) -> set[date]:
    """Write the batch; the days that have got their partitions by it."""
    reads, refusals = rows_of(batch.items, dict(ids))
    days = ({row.day for row in reads} | {row.day for row in refusals}) - prepared
    for day in days:
        db.execute("SELECT anpr.prepare(%s, %s)", (day, AHEAD_DAYS))
    _insert(db, "plate_read", ReadRow._fields, reads)
    _insert(db, "refusal", RefusalRow._fields, refusals)
    changed = [(*feed_row(ledger), ids[key]) for key, ledger in batch.ledgers.items()]
    if changed:
        columns = ", ".join(f"{name} = %s" for name in FeedRow._fields)
        with db.cursor() as cursor:
            cursor.executemany(f"UPDATE anpr.feed SET {columns}, changed = now() WHERE id = %s", changed)
    return days


def _restored(db: Db, feed_id: int, text: str) -> FeedLedger:
    return FeedLedger(PendingPrints(_kept(db, feed_id)), ledger_text.from_text(text))


def _kept(db: Db, feed_id: int) -> Callable[[int], Collection[bytes]]:
    def kept(seq: int) -> list[bytes]:
        rows = db.execute(LOOK_UP, {"id": feed_id, "seq": seq}).fetchall()
        return [print_of(hash_) for (hash_,) in rows]

    return kept


def _id_of(db: Db, key: FeedKey) -> int:
    """The feed's row, made when it is the first time."""
    found = _find(db, key)
    if found is None:
        db.execute(
            "INSERT INTO anpr.feed (fleet, unit, feed, signer_kid) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            key,
        )
        found = _find(db, key)
    assert found is not None
    return found


def _find(db: Db, key: FeedKey) -> int | None:
    row = db.execute(FIND, key).fetchone()
    return None if row is None else int(row[0])


def _insert(db: Db, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO anpr.{table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    with db.cursor() as cursor:
        cursor.executemany(statement, rows)


def _moment(utc_ns: int | None) -> datetime | None:
    return None if utc_ns is None else datetime.fromtimestamp(utc_ns / 1e9, UTC)
