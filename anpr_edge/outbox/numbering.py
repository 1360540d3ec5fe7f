"""Each feed's numbers and the chain of its envelopes. Every function runs in the caller's transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from anpr_edge.outbox.marks import JUMP
from anpr_edge.records import SealedRead
from anpr_edge.seams import SealAs

CHAIN_START: Final = bytes(32)
"""The hash that a chain's first read follows."""


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


def last_numbers(db: sqlite3.Connection, feeds: Iterable[str]) -> dict[str, int]:
    """The number each feed has used last; a new feed is made known, at 0."""
    found = {}
    for feed in feeds:
        db.execute("INSERT OR IGNORE INTO feeds (feed, last_hash) VALUES (?, ?)", (feed, CHAIN_START))
        found[feed] = db.execute("SELECT last_seq FROM feeds WHERE feed = ?", (feed,)).fetchone()[0]
    return found


def reconcile(db: sqlite3.Connection, marks: Mapping[str, int]) -> None:
    """Start a feed's chain again, far above its mark, when the database has lost numbers the mark knows."""
    for feed, last_seq in last_numbers(db, marks).items():
        if last_seq < marks[feed]:
            db.execute(
                "UPDATE feeds SET last_seq = ?, last_hash = ?, restarts = restarts + 1 WHERE feed = ?",
                (marks[feed] + JUMP, CHAIN_START, feed),
            )
