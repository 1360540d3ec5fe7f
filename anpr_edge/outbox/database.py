"""Opens the outbox's file: makes it, checks it, and moves a broken one aside.

Beside `outbox.db` lie `outbox.db.lock`, held shared by whoever has it open, and `outbox.db.marks`. Who meets
a broken file leaves `outbox.db.broken`, so that the other one lets go of it too; the last to let go moves it
aside (aside.py), and what can be saved from it is taken over into a new one (salvage.py).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from anpr_edge.errors import OutboxBroken, OutboxError, OutboxFull
from anpr_edge.outbox import migrations
from anpr_edge.outbox.aside import beside, move_aside

FILE_MODE: Final = 0o660
"""Reader and uplink run as two users of one group."""

BUSY_S: Final = 10.0
"""How long one process waits for the other's transaction; an SD card's fsync can take seconds."""

POLL_MS: Final = 2
"""How often a transaction asks for its turn. SQLite's own waiting grows to 100 ms between two looks, in
which a busy neighbour begins again and again: measured, it can miss its turn for 10 s."""

PAGE_BYTES: Final = 4096
MOST_LOG_PAGES: Final = 1000
"""SQLite's own default. Source: sqlite.org/wal.html §2.3 (checkpointing)."""

_BROKEN: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNREADABLE: Final = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    8202,  # SQLITE_IOERR_DATA
    8458,  # SQLITE_IOERR_CORRUPTFS; neither has a name in every Python
}
"""A disk that gives back what it has not been given is no passing fault. Source: sqlite.org/rescode.html."""

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
    kind: type[OutboxError] = OutboxError
    if is_damage(error):
        mark_broken(path)
        kind = OutboxBroken
    elif _code(error) == sqlite3.SQLITE_FULL or _extended(error) == sqlite3.SQLITE_IOERR_SHMSIZE:
        kind = OutboxFull
    return kind(f"{path}: {error}", hint=_HINTS.get(_code(error), ""))


def is_damage(error: sqlite3.Error) -> bool:
    """Whether it says that the file's content cannot be relied on, or read, any more."""
    return _code(error) in _BROKEN or _extended(error) in _UNREADABLE


def is_out_of_touch(error: sqlite3.Error) -> bool:
    """Whether the disk does not let this connection work: a new one may find it mended, or mounted anew."""
    return _code(error) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}


def identity(path: Path) -> tuple[int, int] | None:
    """Which file lies at `path` now; None when none does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _extended(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", None) or 0


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code. Source: sqlite.org/rescode.html (the low eight bits)."""
    return _extended(error) & 0xFF


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


def open_database(
    path: Path, lock: Lock, *, log_bytes: int = MOST_LOG_PAGES * PAGE_BYTES
) -> sqlite3.Connection:
    """The outbox at `path`: made if there is none, begun anew if it is broken.

    The write-ahead log is written back once it is `log_bytes` long.

    Raises: OutboxError when it cannot be used, or belongs to other software or another version.
    """
    try:
        if is_broken(path):
            _begin_anew(path, lock)
        try:
            return _opened(path, log_bytes)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            _begin_anew(path, lock)
            return _opened(path, log_bytes)
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


def _opened(path: Path, log_bytes: int) -> sqlite3.Connection:
    with one_at_a_time(path):
        if not path.exists():
            _remove_log(path)
        os.close(_created(path))
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _set_up(connection, path, log_bytes)
        except BaseException:
            connection.close()
            raise
        return connection


def _remove_log(path: Path) -> None:
    """A log without its database must not be taken for that of the next one."""
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
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


def _set_up(connection: sqlite3.Connection, path: Path, log_bytes: int) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # The other service writes this file too: its schema may call nothing but harmless functions.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(f"PRAGMA wal_autocheckpoint = {max(1, min(MOST_LOG_PAGES, log_bytes // PAGE_BYTES))}")
    connection.execute(f"PRAGMA journal_size_limit = {log_bytes}")
    # A row that lies outside its page is an error, not a read: what is damaged must not look whole.
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("BEGIN IMMEDIATE")
    migrations.make_or_upgrade(connection, path)
    connection.execute("COMMIT")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        broken = sqlite3.DatabaseError(verdict)
        broken.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise broken


def _begin_anew(path: Path, lock: Lock) -> None:
    """Raises: OutboxBroken when another process still has the file open."""
    if not lock.alone():
        mark_broken(path)
        raise OutboxBroken(f"{path}: broken, and in use by another process", hint=_BEGUN_ANEW)
    move_aside(path)
    beside(path, "broken").unlink(missing_ok=True)
