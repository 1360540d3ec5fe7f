"""What goes out, what has arrived. Every function runs in the caller's transaction.

Ages are nanoseconds of the outbox's own age (retention.py), so that a step of the wall clock neither
holds a read back nor hurries it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from anpr_edge.outbox import losses
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

STEP_READS: Final = 1000
"""How many reads one transaction forgets: some megabytes of log."""

_SELECT: Final = "SELECT id, feed, seq, blob, attempts, not_before, kept_age FROM reads WHERE state = 0"
_Row = tuple[int, str, int, bytes, int, int, int]


def due(
    db: sqlite3.Connection,
    limit: int,
    age_ns: int,
    utc_ns: int,
    first: Collection[str] = (),
    *,
    held: Collection[str] = (),
) -> list[OutboxEntry]:
    """Up to `limit` waiting reads: of the feeds `first`, then live ones newest first, then oldest first.

    None of the feeds `held`.
    """
    urgent = [row for feed in sorted(set(first) - set(held)) for row in _waiting(db, limit, age_ns, (), feed)]
    rows = urgent + _live(db, limit, age_ns, held) + _waiting(db, limit, age_ns, held)
    rows = list({row[0]: row for row in rows}.values())
    return [
        OutboxEntry(
            SealedRead(feed, seq, blob),
            abs(tries),
            utc_ns + not_before - age_ns if not_before else 0,
            live=feed in first or _is_live(kept_age, not_before, age_ns),
        )
        for _, feed, seq, blob, tries, not_before, kept_age in rows[:limit]
    ]


def _waiting(
    db: sqlite3.Connection, limit: int, age_ns: int, held: Collection[str], feed: str | None = None
) -> list[_Row]:
    """The oldest reads whose time has come."""
    also, values = _without(held) if feed is None else (" AND feed = ?", (feed,))
    query = f"{_SELECT} AND not_before <= ?{also} ORDER BY id LIMIT ?"
    return db.execute(query, (age_ns, *values, limit)).fetchall()


def _live(db: sqlite3.Connection, limit: int, age_ns: int, held: Collection[str]) -> list[_Row]:
    """Ids follow arrival, so the live reads are among the newest `limit`."""
    also, values = _without(held)
    rows = db.execute(f"{_SELECT}{also} ORDER BY id DESC LIMIT ?", (*values, limit)).fetchall()
    return [row for row in rows if _is_live(row[6], row[5], age_ns)]


def _is_live(kept_age: int, not_before: int, age_ns: int) -> bool:
    return kept_age > age_ns - LIVE_NS and not not_before


def _without(held: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """A condition that leaves these feeds out, and its values."""
    return (f" AND feed NOT IN ({', '.join('?' * len(held))})", tuple(held)) if held else ("", ())


def record(db: sqlite3.Connection, deliveries: Sequence[Delivery], age_ns: int) -> None:
    """Accepted reads are sent; refused ones wait, longer each time, and each kind counts for itself.

    What is too large for the broker waits as long as can be: somebody has to change the broker first. The
    other refused ones of a feed wait no longer once the broker has accepted one.
    """
    for delivery in deliveries:
        number = (delivery.feed, delivery.seq)
        row = db.execute(
            "SELECT attempts FROM reads WHERE feed = ? AND seq = ? AND state = 0", number
        ).fetchone()
        if row is not None:
            tries = counted(row[0], accepted=delivery.accepted)
            db.execute(
                "UPDATE reads SET state = ?, attempts = ?, not_before = ? WHERE feed = ? AND seq = ?",
                (SENT if delivery.accepted else WAITING, tries, age_ns + wait_ns(delivery, tries), *number),
            )
    for feed in {delivery.feed for delivery in deliveries if delivery.accepted}:
        db.execute(
            "UPDATE reads SET not_before = ?1"
            " WHERE feed = ?2 AND attempts < 0 AND state = 0 AND not_before BETWEEN ?1 + 1 AND ?3",
            (max(1, age_ns), feed, age_ns + LONGEST_RETRY_NS),
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


def wait_ns(delivery: Delivery, tries: int) -> int:
    """How long a read waits after the broker has answered so often like that."""
    if delivery.accepted:
        return confirm_after_ns(tries)
    return LONGEST_CONFIRM_NS if delivery.too_large else retry_after_ns(abs(tries))


def retry_after_ns(attempts: int) -> int:
    """How long a read waits after the broker has refused it `attempts` times in a row."""
    return min(LONGEST_RETRY_NS, FIRST_RETRY_NS << min(attempts - 1, 10))


def confirm_after_ns(attempts: int) -> int:
    """How long a read accepted `attempts` times in a row waits for a watermark."""
    return min(LONGEST_CONFIRM_NS, FIRST_CONFIRM_NS << min(attempts - 1, 10))


def settle(
    db: sqlite3.Connection, feed: str, watermark: int, gaps: Sequence[tuple[int, int]], age_ns: int
) -> str:
    """Forget what the centre has, offer its gaps again, and note which of them can never be filled.

    A watermark below the last one only asks: by now its gaps may be filled and forgotten, and are no losses.
    Yet what is still here goes out again: where a gap breaks into more than one watermark can name, the
    centre asks for the first ones, below what it has said before.

    What no broker ever took is not forgotten: under its number the centre has another read then, of an
    outbox that an older copy has replaced. Says what is wrong with the watermark, or nothing.
    """
    row = db.execute("SELECT last_seq, watermark FROM feeds WHERE feed = ?", (feed,)).fetchone()
    if row is None:
        return "nothing was ever kept for this feed"
    last_seq, before = row
    wrong = _wrong(watermark, gaps, last_seq)
    if wrong:
        db.execute("UPDATE feeds SET refused_acks = refused_acks + 1 WHERE feed = ?", (feed,))
        return wrong
    _offer_again(db, feed, gaps)
    if watermark >= before:
        for first, last in _between(gaps, watermark):
            db.execute(
                "DELETE FROM reads WHERE feed = ? AND seq BETWEEN ? AND ? AND (state = 1 OR attempts > 0)",
                (feed, first, last),
            )
        losses.asked_for(db, feed, gaps, age_ns)
        db.execute("UPDATE feeds SET watermark = ? WHERE feed = ?", (watermark, feed))
    return wrong


def _offer_again(db: sqlite3.Connection, feed: str, gaps: Sequence[tuple[int, int]]) -> None:
    for first, last in gaps:
        db.execute(
            "UPDATE reads SET state = 0, attempts = 0, not_before = 0"
            " WHERE feed = ? AND seq BETWEEN ? AND ? AND state = 1",
            (feed, first, last),
        )


def next_step(db: sqlite3.Connection, feed: str, step: int, watermark: int) -> int:
    """How far towards `watermark` one transaction settles, after `step`; all the way when it is refused."""
    row = db.execute("SELECT last_seq FROM feeds WHERE feed = ?", (feed,)).fetchone()
    if row is None or not 0 <= watermark <= row[0]:
        return watermark
    found = db.execute(
        "SELECT seq FROM reads WHERE feed = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT 1 OFFSET ?",
        (feed, step, watermark, STEP_READS - 1),
    ).fetchone()
    return int(found[0]) if found else watermark


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
