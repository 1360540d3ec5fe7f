"""What a unit remembers of commands, over restarts: `<state_dir>/commands.db`, shared by both services.

The uplink leaves here what the reader is to act on, still signed; the reader leaves its replies.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import AnprError

COMMANDS_FILE: Final = "commands.db"
APPLICATION_ID: Final = 1095651411
SCHEMA_VERSION: Final = 1
FILE_MODE: Final = 0o660
BUSY_S: Final = 5.0
MOST_WAITING: Final = 32
"""Commands that may wait for the reader; one more is refused."""

MOST_REPLIES: Final = 64
"""Replies that may wait for the broker; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The last command a service took."""

    number: int
    issued_utc_s: int
    name: str
    utc_s: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Handed:
    """A command that waits for the reader."""

    id: int
    name: str
    blob: bytes
    correlation: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that waits for the broker."""

    id: int
    name: str
    correlation: bytes
    document: Mapping[str, Any]


class CommandStore:
    """The file, opened by one service. Each call is a transaction of its own and on the disk when it returns.

    Raises: AnprError, as does every call, when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            if os.fstat(descriptor).st_uid == os.geteuid():
                os.fchmod(descriptor, FILE_MODE)
            os.close(descriptor)
        except OSError as error:
            raise AnprError(f"{path}: {error.strerror}", hint="the state folder must take writes") from None
        self._db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            # The other service writes this file too: its schema may call nothing but harmless functions.
            self._db.execute("PRAGMA trusted_schema = OFF")
            with self._transaction():
                self._make_or_check()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Release the file; harmless when called twice."""
        self._db.close()

    def accept(self, service: str, taken: Taken) -> bool:
        """Remember a command's number for good; False when it is not higher than the last one's."""
        with self._transaction() as db:
            done = db.execute(
                "INSERT INTO taken VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (service) DO UPDATE SET"
                " number = excluded.number, issued_utc_s = max(issued_utc_s, excluded.issued_utc_s),"
                " name = excluded.name, utc_s = excluded.utc_s, outcome = excluded.outcome"
                " WHERE excluded.number > taken.number",
                (service, taken.number, taken.issued_utc_s, taken.name, taken.utc_s, taken.outcome),
            )
            return done.rowcount == 1

    def ended(self, service: str, number: int, outcome: str) -> None:
        """Note what became of the last command."""
        with self._transaction() as db:
            db.execute(
                "UPDATE taken SET outcome = ? WHERE service = ? AND number = ?", (outcome, service, number)
            )

    def last(self, service: str) -> Taken | None:
        """The last command a service took; None when it never took one."""
        query = "SELECT number, issued_utc_s, name, utc_s, outcome FROM taken WHERE service = ?"
        row = self._one(query, service)
        return None if row is None else Taken(*row)

    def hand_over(self, name: str, blob: bytes, correlation: bytes) -> bool:
        """Leave a command for the reader; False when too many wait already."""
        with self._transaction() as db:
            if db.execute("SELECT count(*) FROM inbox").fetchone()[0] >= MOST_WAITING:
                return False
            db.execute(
                "INSERT INTO inbox (name, blob, correlation) VALUES (?, ?, ?)", (name, blob, correlation)
            )
            return True

    def handed(self) -> Handed | None:
        """The oldest command that waits for the reader."""
        query = (  # whatever a captured uplink has put there, these come out as what they are to be
            "SELECT id, CAST(name AS TEXT), coalesce(substr(CAST(blob AS BLOB), 1, 65536), x''),"
            " coalesce(substr(CAST(correlation AS BLOB), 1, 64), x'') FROM inbox ORDER BY id LIMIT 1"
        )
        row = self._one(query)
        return None if row is None else Handed(*row)

    def forget_handed(self, handed: int) -> None:
        """It waits no more."""
        with self._transaction() as db:
            db.execute("DELETE FROM inbox WHERE id = ?", (handed,))

    def put_reply(self, name: str, correlation: bytes, document: Mapping[str, Any]) -> None:
        """Leave a reply for the uplink to send."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO replies (name, correlation, document) VALUES (?, ?, ?)",
                (name, correlation, json.dumps(document)),
            )
            db.execute("DELETE FROM replies WHERE id <= (SELECT max(id) FROM replies) - ?", (MOST_REPLIES,))

    def reply(self) -> Reply | None:
        """The oldest reply that waits."""
        row = self._one("SELECT id, name, correlation, document FROM replies ORDER BY id LIMIT 1")
        return None if row is None else Reply(row[0], row[1], row[2], json.loads(row[3]))

    def forget_reply(self, reply: int) -> None:
        """It was sent."""
        with self._transaction() as db:
            db.execute("DELETE FROM replies WHERE id = ?", (reply,))

    def pause(self, feed: str, until_utc_s: int) -> None:
        """Remember that a feed is paused."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO pauses VALUES (?, ?)", (feed, until_utc_s))

    def resume(self, feed: str) -> bool:
        """Forget a feed's pause; False when it had none."""
        with self._transaction() as db:
            return db.execute("DELETE FROM pauses WHERE feed = ?", (feed,)).rowcount > 0

    def pauses(self, utc_s: int) -> dict[str, int]:
        """The feeds that are paused at this second, and until when."""
        with self._errors():
            rows = self._db.execute(
                "SELECT feed, until_utc_s FROM pauses WHERE until_utc_s > ? ORDER BY feed", (utc_s,)
            )
            return dict(rows.fetchall())

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._errors():
            row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
            return row

    def _make_or_check(self) -> None:
        if self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            script = resources.files("anpr_edge").joinpath("commands_v1.sql").read_text(encoding="utf-8")
            statement = ""
            for line in script.splitlines(keepends=True):
                statement += line
                if sqlite3.complete_statement(statement):
                    self._db.execute(statement)
                    statement = ""
        owner = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if (owner, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise AnprError(
                f"{self._path}: not a file of commands of version {SCHEMA_VERSION}", hint="move it away"
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield self._db

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise AnprError(
                f"{self._path}: {error}",
                hint="move it away: numbers that were used are then in the audit log",
            ) from None
