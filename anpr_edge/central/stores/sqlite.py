"""Reads in one SQLite file, which several processes of one machine may share.

Write-ahead log, `synchronous=FULL`: what a batch kept survives a power cut. One batch at a time writes; the
others wait for it. What retention removes is overwritten (`secure_delete`), in the log too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from anpr_edge.central.alone import alone_in
from anpr_edge.central.dedupe import FeedKey, FeedLedger
from anpr_edge.central.documents import utc_text
from anpr_edge.central.prints import Link, PendingPrints, print_of
from anpr_edge.central.stores import Batch, Dropped, ledger_text
from anpr_edge.central.stores.rows import document_of, feed_row, rows_of
from anpr_edge.errors import StoreError, StoreUnavailable

SCHEMA_VERSION = 1
APPLICATION_ID = 0x414E5043
"""Tells the file from other SQLite files: "ANPC" (the PRAGMA of that name)."""

WAIT_S = 20.0
"""How long a batch waits for another process's."""

AGAIN = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM"}
"""Result codes that may pass by themselves, or when somebody makes room. Source: sqlite.org/rescode.html."""

LOOK_UP = """SELECT hash FROM plate_read WHERE feed_id = :id AND seq = :seq
    UNION ALL SELECT hash FROM refusal WHERE feed_id = :id AND seq = :seq
    UNION ALL SELECT hash FROM number WHERE feed_id = :id AND seq = :seq"""


class SqliteStore:
    """Opens the file, or begins it. `busy_s`: how long to wait for other processes.

    Raises: StoreError when the file cannot be opened, is another program's or a newer version's.
    """

    def __init__(self, path: Path, *, busy_s: float = WAIT_S) -> None:
        self._path = path
        self._open = False
        with self._told(), alone_in(path.parent):  # SQLite does not wait while another begins its log
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
            self._open = True
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    @contextmanager
    def batch(self, keys: Collection[FeedKey]) -> Iterator[Batch]:
        """One transaction over the ledgers of `keys` and what is kept with them."""
        with self._told(), self._transaction():
            ids = {key: self._id_of(key) for key in sorted(keys)}
            batch = Batch({key: self._ledger(key, row) for key, row in ids.items()})
            yield batch
            self._keep(batch, ids)

    def ledgers(self, keys: Collection[FeedKey] | None = None) -> Mapping[FeedKey, FeedLedger]:
        """How the feeds stand now."""
        with self._told():
            self._check_open()
            if keys is None:
                rows = self._db.execute(
                    "SELECT fleet, unit, feed, signer_kid, id, ledger FROM feed ORDER BY id"
                )
                return {FeedKey(*row[:4]): self._restored(row[4], row[5]) for row in rows.fetchall()}
            return {key: self._ledger(key, self._find(key)) for key in keys}

    def documents(
        self, feed: str | None = None, since_utc_ns: int | None = None, until_utc_ns: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """The reads first seen in [since, until), as they came."""
        since = "" if since_utc_ns is None else utc_text(since_utc_ns)
        until = "~" if until_utc_ns is None else utc_text(until_utc_ns)
        with self._told():
            self._check_open()
            rows = self._db.execute(
                "SELECT document FROM plate_read JOIN feed ON feed.id = feed_id"
                " WHERE first_seen >= ? AND first_seen < ? AND (?3 IS NULL OR feed = ?3)"
                " ORDER BY day, feed_id, seq",
                (since, until, feed),
            )
            for (text,) in rows:
                yield document_of(text)

    def forget_before(self, day: date) -> Dropped:
        """Delete what was received before `day`, and overwrite it."""
        before = (day.isoformat(),)
        with self._told():
            with self._transaction():
                reads = self._db.execute("DELETE FROM plate_read WHERE day < ?", before).rowcount
                refusals = self._db.execute("DELETE FROM refusal WHERE day < ?", before).rowcount
                self._db.execute("DELETE FROM number WHERE day < ?", before)
            self._db.execute("PRAGMA incremental_vacuum").fetchall()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return Dropped(reads, refusals)

    def keep_number(self, key: FeedKey, link: Link, day: date) -> None:
        """Within a batch: a number whose read is kept in another place."""
        row = (day.isoformat(), self._id_of(key), link.seq, link.hash)
        self._db.execute("INSERT OR IGNORE INTO number VALUES (?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file; harmless when called twice."""
        if self._open:
            self._open = False
            self._db.close()

    def _keep(self, batch: Batch, ids: Mapping[FeedKey, int]) -> None:
        reads, refusals = rows_of(batch.items, dict(ids))
        self._insert("plate_read", reads)
        self._insert("refusal", refusals)
        for key, ledger in batch.ledgers.items():
            self._db.execute(
                "UPDATE feed SET ledger = ?, highest = ?, missing = ?, breaks = ?, restarts = ? WHERE id = ?",
                (*feed_row(ledger), ids[key]),
            )

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            texts = [tuple(map(_column, row)) for row in rows]
            self._db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", texts)

    def _id_of(self, key: FeedKey) -> int:
        """The feed's row, made when it is the first time."""
        self._db.execute(
            "INSERT INTO feed (fleet, unit, feed, signer_kid, ledger, highest, missing, breaks, restarts)"
            " VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
            (*key, ledger_text.EMPTY),
        )
        found = self._find(key)
        assert found is not None
        return found

    def _find(self, key: FeedKey) -> int | None:
        where = "fleet = ? AND unit = ? AND feed = ? AND signer_kid = ?"
        row = self._db.execute(f"SELECT id FROM feed WHERE {where}", key).fetchone()
        return None if row is None else int(row[0])

    def _ledger(self, key: FeedKey, feed_id: int | None) -> FeedLedger:
        if feed_id is None:
            return FeedLedger()
        (text,) = self._db.execute("SELECT ledger FROM feed WHERE id = ?", (feed_id,)).fetchone()
        return self._restored(feed_id, text)

    def _restored(self, feed_id: int, text: str) -> FeedLedger:
        return FeedLedger(PendingPrints(self._kept(feed_id)), ledger_text.from_text(text))

    def _kept(self, feed_id: int) -> Callable[[int], Collection[bytes]]:
        def kept(seq: int) -> list[bytes]:
            rows = self._db.execute(LOOK_UP, {"id": feed_id, "seq": seq}).fetchall()
            return [print_of(hash_) for (hash_,) in rows]

        return kept

    def _prepare(self) -> None:
        self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only in a file that is begun
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("PRAGMA foreign_keys = ON")
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            (owner,) = self._db.execute("PRAGMA application_id").fetchone()
            (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if owner != APPLICATION_ID and tables:
                raise StoreError(f"{self._path}: another program's database", hint="name another file")
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"{self._path}: its schema is version {version}, this program knows {SCHEMA_VERSION}",
                    hint="install the version of anpr-edge that wrote it, or a later one",
                )
            if not tables:
                for statement in _statements():
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._check_open()
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the file in our words."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._in_words(error) from error
        except OSError as error:
            raise StoreError(
                f"{self._path}: {error.strerror}", hint="is the folder there, and ours?"
            ) from error

    def _in_words(self, error: sqlite3.Error) -> StoreError:
        name = getattr(error, "sqlite_errorname", "")
        if any(name.startswith(one) for one in AGAIN):
            hint = (
                "make room on its disk"
                if name == "SQLITE_FULL"
                else "look at its disk, and who else has it open"
            )
            return StoreUnavailable(f"{self._path}: {error}", hint=hint)
        return StoreError(
            f"{self._path}: {error}", hint="is it the centre's store, whole, and may we write it?"
        )

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(f"{self._path}: the store is closed")


def _column(value: Any) -> Any:
    """Times and days as text that sorts."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    return value.isoformat() if isinstance(value, date) else value


def _statements() -> list[str]:
    text = files(__package__).joinpath("sqlite_1.sql").read_text(encoding="utf-8")
    lines = (line.partition("--")[0] for line in text.splitlines())
    return [one.strip() for one in "\n".join(lines).split(";") if one.strip()]
