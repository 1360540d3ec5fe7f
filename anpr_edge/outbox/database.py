"""Opens the outbox's file: makes it, checks it, and moves a broken one aside.

Beside `outbox.db` lie `outbox.db.lock`, held shared by whoever has it open, and `outbox.db.marks`. Who meets
a broken file leaves `outbox.db.broken`, so that the other one lets go of it too. The broken file becomes
`outbox.db.corrupt-1`, `-2`, …; only the newest is kept, so that ciphertext does not outlive its retention
in ever more copies.
"""

from __future__ import annotations

import fcntl
import glob
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Final

from anpr_edge.errors import OutboxBroken, OutboxError

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 1095651410
FILE_MODE: Final = 0o660
"""Reader and uplink run as two users of one group."""

BUSY_S: Final = 10.0
"""How long one process waits for the other's transaction; an SD card's fsync can take seconds."""

POLL_MS: Final = 2
"""How often a transaction asks for its turn. SQLite's own waiting grows to 100 ms between two looks, in
which a busy neighbour begins again and again: measured, it can miss its turn for 10 s."""

WAL_LIMIT_BYTES: Final = 4 << 20

_log = logging.getLogger(__name__)

_BROKEN: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BEGUN_ANEW: Final = "it is moved aside and begun anew as soon as both services have let go of it"
_HINTS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_READONLY: "the disk or the file cannot be written: look at the mount and the file's mode",
    sqlite3.SQLITE_CANTOPEN: "look at the directory's owner and mode",
    sqlite3.SQLITE_BUSY: f"another process has held it for {BUSY_S:.0f} s",
    sqlite3.SQLITE_IOERR: "the disk fails: look at the kernel's log",
    sqlite3.SQLITE_CORRUPT: _BEGUN_ANEW,
    sqlite3.SQLITE_NOTADB: _BEGUN_ANEW,
}


def explained(error: sqlite3.Error, path: Path) -> OutboxError:
    """What the database library said, with the file and what to do; a broken file is marked as such."""
    broken = _code(error) in _BROKEN
    if broken:
        mark_broken(path)
    return (OutboxBroken if broken else OutboxError)(f"{path}: {error}", hint=_HINTS.get(_code(error), ""))


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code. Source: sqlite.org/rescode.html (the low eight bits)."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def beside(path: Path, suffix: str) -> Path:
    """The file that belongs to the outbox at `path`: `beside(outbox.db, "lock")` is `outbox.db.lock`."""
    return path.with_name(f"{path.name}.{suffix}")


def mark_broken(path: Path) -> None:
    """Tell the other process that the outbox at `path` has to be begun anew."""
    with suppress(OSError):  # then it finds out by itself, or not before it is restarted
        os.close(_created(beside(path, "broken")))


def is_broken(path: Path) -> bool:
    """Whether somebody has met a broken outbox at `path`, and nobody has begun it anew yet."""
    return beside(path, "broken").exists()


class Lock:
    """Says that somebody has the outbox open; while more than one has, it is not moved aside."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _created(path)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def alone(self) -> bool:
        """Whether nobody else has the outbox open; if so, nobody can open it until `share`."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Let others open the outbox too."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Say that it is open no more; harmless when called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def take_lock(path: Path) -> Lock:
    """Say that the outbox at `path` is open. Raises: OutboxError when there is no place for it."""
    if not path.parent.is_dir():
        raise OutboxError(
            f"{path.parent}: no such directory for the outbox",
            hint=f"mkdir -p {path.parent}, or correct the path",
        )
    try:
        return Lock(beside(path, "lock"))
    except OSError as error:
        raise OutboxError(
            f"{path}: {error.strerror}", hint="look at the mount, and at the directory's owner and mode"
        ) from None


def open_database(path: Path, lock: Lock) -> sqlite3.Connection:
    """The outbox at `path`: made if there is none, begun anew if it is broken.

    Raises: OutboxError when it cannot be used, or belongs to other software or another version.
    """
    try:
        if is_broken(path):
            _move_aside(path, lock)
        try:
            return _opened(path)
        except sqlite3.DatabaseError as error:
            if _code(error) not in _BROKEN:
                raise
            _move_aside(path, lock)
            return _opened(path)
    except sqlite3.Error as error:
        raise explained(error, path) from None
    except OSError as error:
        raise OutboxError(f"{path}: {error.strerror}", hint="look at the file's owner and mode") from None
    finally:
        lock.share()


def begin(connection: sqlite3.Connection) -> None:
    """Begin a transaction that writes, when its turn comes within `BUSY_S`."""
    connection.execute(f"PRAGMA busy_timeout = {POLL_MS}")
    try:
        for _ in range(round(BUSY_S * 1000 / POLL_MS)):
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY:
                    raise
            else:
                return
        connection.execute("BEGIN IMMEDIATE")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_S * 1000)}")


def rebuilds(path: Path) -> int:
    """How many broken outboxes have been moved aside at this place."""
    numbers = [file.suffix.rpartition("-")[2] for file in _asides(path)]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def _asides(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{glob.escape(path.name)}.corrupt-*"))


def _opened(path: Path) -> sqlite3.Connection:
    with _one_at_a_time(path):
        os.close(_created(path))
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """While one service sets the file up, the other waits: SQLite's own switch to WAL does not wait."""
    descriptor = _created(beside(path, "setup"))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _created(path: Path) -> int:
    """A descriptor of the file, made if need be; whatever the umask, its group may write it.

    SQLite gives its own two files the mode of the database.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # The other service writes this file too: its schema may call nothing but harmless functions.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    connection.execute("BEGIN IMMEDIATE")
    _make_or_check(connection, path)
    connection.execute("COMMIT")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        broken = sqlite3.DatabaseError(verdict)
        broken.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise broken


def _make_or_check(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
        script = resources.files("anpr_edge.outbox").joinpath("schema_v1.sql").read_text()
        for statement in _statements(script):
            connection.execute(statement)
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if owner != APPLICATION_ID:
        raise OutboxError(f"{path}: a database of other software", hint="name another file for the outbox")
    if version != SCHEMA_VERSION:
        raise OutboxError(
            f"{path}: schema version {version}, this software knows {SCHEMA_VERSION}",
            hint="install the software that wrote it, or drain it there first",
        )


def _statements(script: str) -> list[str]:
    """The script's statements one by one, so that they can share a transaction."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found


def _move_aside(path: Path, lock: Lock) -> None:
    """Raises: OutboxError when another process still has the file open."""
    if not lock.alone():
        mark_broken(path)
        raise OutboxBroken(f"{path}: broken, and in use by another process", hint=_BEGUN_ANEW)
    older = _asides(path)
    aside = beside(path, f"corrupt-{rebuilds(path) + 1}")
    if path.exists():
        path.replace(aside)
    _log.error("%s was broken and begun anew; what it held lies in %s", path, aside.name)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    for file in older if aside.exists() else ():
        file.unlink()
    beside(path, "broken").unlink(missing_ok=True)
