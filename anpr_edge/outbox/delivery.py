"""What goes out, what has arrived. Every function runs in the caller's transaction.

Ages are nanoseconds of the outbox's own age (retention.py), so that a step of the wall clock neither
holds a read back nor hurries it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from anpr_edge.records import Delivery, OutboxEntry, SealedRead

WAITING: Final = 0
SENT: Final = 1

LIVE_NS: Final = 60 * 10**9
"""A read this young that the broker has not answered for yet is live and goes before the backlog."""

FIRST_RETRY_NS: Final = 5 * 10**9
LONGEST_RETRY_NS: Final = 300 * 10**9
"""A refused read waits 5 s, then twice as long each time, up to 5 minutes."""

FIRST_CONFIRM_NS: Final = 600 * 10**9
LONGEST_CONFIRM_NS: Final = 6 * 3600 * 10**9
"""A sent read that no watermark covers goes out again after 10 minutes, then after twice as long each time,
up to 6 hours: a broker may lose what it acknowledged, and the centre cannot miss what nothing follows."""

_SELECT: Final = "SELECT id, feed, seq, blob, attempts, not_before FROM reads WHERE state = 0"
_Row = tuple[int, str, int, bytes, int, int]


def due(
    db: sqlite3.Connection, limit: int, age_ns: int, utc_ns: int, first: Collection[str] = ()
) -> list[OutboxEntry]:
    """Up to `limit` waiting reads: of the feeds `first`, then live ones newest first, then oldest first."""
    urgent = [row for feed in sorted(first) for row in _waiting(db, limit, age_ns, " AND feed = ?", feed)]
    rows = urgent + _live(db, limit, age_ns) + _waiting(db, limit, age_ns)
    rows = list({row[0]: row for row in rows}.values())
    return [
        OutboxEntry(
            SealedRead(feed, seq, blob), abs(tries), utc_ns + not_before - age_ns if not_before else 0
        )
        for _, feed, seq, blob, tries, not_before in rows[:limit]
    ]


def _waiting(db: sqlite3.Connection, limit: int, age_ns: int, also: str = "", *values: str) -> list[_Row]:
    """The oldest reads whose time has come."""
    query = f"{_SELECT} AND not_before <= ?{also} ORDER BY id LIMIT ?"
    return db.execute(query, (age_ns, *values, limit)).fetchall()


def _live(db: sqlite3.Connection, limit: int, age_ns: int) -> list[_Row]:
    """Ids follow arrival, so the live reads are among the newest `limit`."""
    newest = f"{_SELECT.replace('SELECT', 'SELECT kept_age,', 1)} ORDER BY id DESC LIMIT ?"
    rows = db.execute(newest, (limit,)).fetchall()
    return [row[1:] for row in rows if row[0] > age_ns - LIVE_NS and not row[5]]


def record(db: sqlite3.Connection, deliveries: Sequence[Delivery], age_ns: int) -> None:
    """Accepted reads are sent; refused ones wait, longer each time, and each kind counts for itself."""
    for delivery in deliveries:
        number = (delivery.feed, delivery.seq)
        row = db.execute(
            "SELECT attempts FROM reads WHERE feed = ? AND seq = ? AND state = 0", number
        ).fetchone()
        if row is not None:
            tries = counted(row[0], accepted=delivery.accepted)
            wait_ns = confirm_after_ns(tries) if delivery.accepted else retry_after_ns(abs(tries))
            db.execute(
                "UPDATE reads SET state = ?, attempts = ?, not_before = ? WHERE feed = ? AND seq = ?",
                (SENT if delivery.accepted else WAITING, tries, age_ns + wait_ns, *number),
            )


def hurry(db: sqlite3.Connection) -> int:
    """Everything kept is due now, sent or not. The newest of it; 0 when nothing is kept."""
    db.execute("UPDATE reads SET state = 0, not_before = 0")
    return int(db.execute("SELECT coalesce(max(id), 0) FROM reads").fetchone()[0])


def offer_unconfirmed(db: sqlite3.Connection, age_ns: int) -> None:
    """Sent reads that no watermark has covered for long enough wait again."""
    db.execute("UPDATE reads SET state = 0 WHERE state = 1 AND not_before <= ?", (age_ns,))


def counted(tries: int, *, accepted: bool) -> int:
    """The broker's answers of one kind in a row, one more of them: above 0 accepted, below it refused.

    What nobody subscribed to for an hour still waits only `FIRST_CONFIRM_NS` once it was accepted.
    """
    return max(tries, 0) + 1 if accepted else min(tries, 0) - 1


def retry_after_ns(attempts: int) -> int:
    """How long a read waits after the broker has refused it `attempts` times in a row."""
    return min(LONGEST_RETRY_NS, FIRST_RETRY_NS << min(attempts - 1, 10))


def confirm_after_ns(attempts: int) -> int:
    """How long a read accepted `attempts` times in a row waits for a watermark."""
    return min(LONGEST_CONFIRM_NS, FIRST_CONFIRM_NS << min(attempts - 1, 10))


def settle(db: sqlite3.Connection, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> str:
    """Forget what the centre has, offer its gaps again. Says what is wrong with the watermark, or nothing."""
    row = db.execute("SELECT last_seq, watermark FROM feeds WHERE feed = ?", (feed,)).fetchone()
    if row is None:
        return "nothing was ever kept for this feed"
    last_seq, before = row
    wrong = _wrong(watermark, gaps, last_seq)
    if wrong:
        db.execute("UPDATE feeds SET refused_acks = refused_acks + 1 WHERE feed = ?", (feed,))
    elif watermark >= before:
        for first, last in _between(gaps, watermark):
            db.execute("DELETE FROM reads WHERE feed = ? AND seq BETWEEN ? AND ?", (feed, first, last))
        for first, last in gaps:
            db.execute(
                "UPDATE reads SET state = 0, attempts = 0, not_before = 0"
                " WHERE feed = ? AND seq BETWEEN ? AND ? AND state = 1",
                (feed, first, last),
            )
        db.execute("UPDATE feeds SET watermark = ? WHERE feed = ?", (watermark, feed))
    return wrong


def _wrong(watermark: int, gaps: Sequence[tuple[int, int]], last_seq: int) -> str:
    if not 0 <= watermark <= last_seq:
        return f"the last number given out is {last_seq}"
    if any(not 1 <= first <= last <= last_seq for first, last in gaps):
        return f"a gap is not within 1 and {last_seq}"
    return ""


def _between(gaps: Sequence[tuple[int, int]], watermark: int) -> Iterator[tuple[int, int]]:
    """The ranges up to `watermark` that no gap covers."""
    start = 0
    for first, last in sorted(gaps):
        yield start, min(first - 1, watermark)
        start = max(start, last + 1)
    yield start, watermark
