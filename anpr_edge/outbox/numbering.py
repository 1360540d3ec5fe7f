"""Each feed's numbers and the chain of its envelopes. Every function runs in the caller's transaction."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from anpr_edge.outbox import losses
from anpr_edge.records import EPOCH_NUMBERS, LossCause, SealedRead
from anpr_edge.seams import SealAs

CHAIN_START: Final = bytes(32)
"""The hash that a chain's first read follows."""

HIGHEST_START: Final = 2**32
"""Leaves an epoch all but a 256th of its numbers, and hides some 10^9 reads."""

Start = Callable[[], int]
"""Where in an epoch a feed begins to count, from 1."""


def append(db: sqlite3.Connection, feed: str, seal: SealAs, age_ns: int) -> SealedRead:
    """Seal one read under its feed's next number and keep it; the feed is known already."""
    last_seq, last_hash = db.execute(
        "SELECT last_seq, last_hash FROM feeds WHERE feed = ?", (feed,)
    ).fetchone()
    read = seal(last_seq + 1, last_hash)
    db.execute(
        "INSERT INTO reads (feed, seq, kept_age, blob) VALUES (?, ?, ?, ?)",
        (feed, last_seq + 1, age_ns, read.blob),
    )
    db.execute(
        "UPDATE feeds SET last_seq = ?, last_hash = ? WHERE feed = ?",
        (last_seq + 1, hashlib.sha256(read.blob).digest(), feed),
    )
    return read


def last_numbers(db: sqlite3.Connection, feeds: Iterable[str], start: Start) -> dict[str, int]:
    """The number each feed has used last; a feed that has used none is made known, at 0."""
    return {feed: _known(db, feed) or make_known(db, feed, start() - 1) for feed in feeds}


def reconcile(db: sqlite3.Connection, marks: Mapping[str, int], start: Start) -> None:
    """Begin a feed's next epoch, and its chain anew, when the database has lost numbers the mark knows."""
    for feed, mark in marks.items():
        if _known(db, feed) < mark:
            before = _known(db, feed)
            begin_anew(db, feed, mark, start)
            epoch = mark // EPOCH_NUMBERS * EPOCH_NUMBERS
            losses.add(db, feed, [(max(before, epoch) + 1, mark)], LossCause.BROKEN)
            if before > epoch:
                losses.count(db, feed, LossCause.BROKEN, mark - before)


def begin_anew(db: sqlite3.Connection, feed: str, used: int, start: Start) -> None:
    """Go on in the epoch after that of `used`, with a new chain: no number up to `used` comes again."""
    before = (used // EPOCH_NUMBERS + 1) * EPOCH_NUMBERS + start() - 1
    make_known(db, feed, before)
    db.execute(
        "UPDATE feeds SET last_seq = ?, last_hash = ?, restarts = restarts + 1 WHERE feed = ?",
        (before, CHAIN_START, feed),
    )


def pass_by(db: sqlite3.Connection, feed: str, used: int, start: Start) -> None:
    """Begin anew when `used`, a number that the feed's centre has, is above all that are known here."""
    if used > _known(db, feed):
        begin_anew(db, feed, used, start)


def skip(db: sqlite3.Connection, feed: str, count: int, cause: LossCause) -> int:
    """Use up numbers for reads that can never be kept, so that their loss shows; the last of them."""
    first = _known(db, feed) + 1
    last = first + count - 1
    db.execute("UPDATE feeds SET last_seq = ? WHERE feed = ?", (last, feed))
    losses.add(db, feed, [(first, last)], cause)
    losses.count(db, feed, cause, count)
    return last


def random_start() -> int:
    """Where in an epoch a feed begins to count.

    A number does not tell how many reads there were, and no two feeds of a unit have the same ones.
    """
    return 1 + secrets.randbelow(HIGHEST_START)


def _known(db: sqlite3.Connection, feed: str) -> int:
    """The number a feed has given out last; 0 when it is not known."""
    row = db.execute("SELECT last_seq FROM feeds WHERE feed = ?", (feed,)).fetchone()
    return row[0] if row else 0


def make_known(db: sqlite3.Connection, feed: str, before: int) -> int:
    row = (feed, before, CHAIN_START)
    db.execute("INSERT OR IGNORE INTO feeds (feed, last_seq, last_hash) VALUES (?, ?, ?)", row)
    return 0
