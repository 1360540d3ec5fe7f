"""Keeps the outbox within its bounds, in bytes and in age, and counts what that costs.

Every function runs in the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from anpr_edge.outbox import losses
from anpr_edge.outbox.delivery import SENT, WAITING
from anpr_edge.outbox.retention import AgeMark, Synced
from anpr_edge.outbox.stats import FeedStats
from anpr_edge.records import Instant, LossCause

READ_OVERHEAD_BYTES: Final = 128
"""What a read takes beside its blob; the schema's triggers count with the same number."""

CHUNK: Final = 500

COLUMNS: Final = (
    *("waiting", "sent", "last_seq", "watermark", "bytes", "refused_acks", "restarts"),
    *("losses_to_report", "losses_unconfirmed"),
)
"""What `stats` asks the database for, by their names in FeedStats."""


def age(db: sqlite3.Connection, now: Instant, boot_id: bytes) -> AgeMark:
    """How long this outbox has been kept."""
    row = db.execute(
        "SELECT boot_id, mono_ns, age_ns, synced_boot_id, synced_utc_ns, synced_age_ns FROM age"
    ).fetchone()
    if row is None:
        return AgeMark(boot_id, now.mono_ns, 0, None).at(now, boot_id)
    synced = None if row[3] is None else Synced(*row[3:])
    return AgeMark(row[0], row[1], row[2], synced).at(now, boot_id)


def save_age(db: sqlite3.Connection, mark: AgeMark) -> None:
    """Keep the mark for the next look, in this boot or after it."""
    synced = mark.synced
    seen = (None, None, None) if synced is None else (synced.boot_id, synced.utc_ns, synced.age_ns)
    db.execute(
        "INSERT OR REPLACE INTO age VALUES (1, ?, ?, ?, ?, ?, ?)",
        (mark.boot_id, mark.mono_ns, mark.age_ns, *seen),
    )


def make_room(
    db: sqlite3.Connection,
    max_bytes: int,
    causes: tuple[LossCause, LossCause] = (LossCause.FULL_SENT, LossCause.FULL),
) -> None:
    """Drop until at most `max_bytes` are kept: the oldest sent reads first, then unsent ones.

    Of those the oldest go of the feeds that take more than an equal share: no feed can crowd out another.
    """
    excess = (db.execute("SELECT sum(bytes) FROM feeds").fetchone()[0] or 0) - max_bytes
    if excess > 0:
        excess -= _give_up(db, excess, causes[0], "state = ? ORDER BY id", (SENT,))
    for feed, over in _over_share(db, max_bytes) if excess > 0 else ():
        oldest = "feed = ? AND state = ? ORDER BY seq"
        excess -= _give_up(db, min(excess, over), causes[1], oldest, (feed, WAITING))


def _over_share(db: sqlite3.Connection, max_bytes: int) -> list[tuple[str, int]]:
    """The feeds that take more than their share of `max_bytes`, and by how much; the largest first."""
    taken = db.execute("SELECT feed, bytes FROM feeds WHERE bytes > 0 ORDER BY bytes DESC").fetchall()
    share = max_bytes // max(1, len(taken))
    return [(feed, size - share) for feed, size in taken if size > share]


def _give_up(
    db: sqlite3.Connection, wanted_bytes: int, cause: LossCause, which: str, bound: tuple[object, ...]
) -> int:
    """Drop of these reads, in their order, until so many bytes are free or none is left; what became free."""
    free = 0
    while free < wanted_bytes:
        rows = db.execute(
            f"SELECT id, feed, seq, length(blob) FROM reads WHERE {which} LIMIT ?", (*bound, CHUNK)
        ).fetchall()
        if not rows:
            break
        chosen = []
        for row_id, feed, seq, size in rows:
            if free < wanted_bytes:
                chosen.append((row_id, feed, seq))
                free += size + READ_OVERHEAD_BYTES
        _drop(db, chosen, cause)
    return free


def expire(
    db: sqlite3.Connection, age_ns: int, retention: Mapping[str, timedelta], default: timedelta
) -> None:
    """Drop what is older than its feed's retention."""
    for (feed,) in db.execute("SELECT feed FROM feeds").fetchall():
        kept_for = retention.get(feed, default)
        oldest_ns = age_ns - kept_for // timedelta(microseconds=1) * 1000
        while _expire_some(db, feed, oldest_ns) == CHUNK:
            pass


def _expire_some(db: sqlite3.Connection, feed: str, oldest_ns: int) -> int:
    """Numbers follow age, so what has expired is at the beginning."""
    rows = db.execute(
        "SELECT id, state, kept_age, seq FROM reads WHERE feed = ? ORDER BY seq LIMIT ?", (feed, CHUNK)
    ).fetchall()
    for state, cause in ((SENT, LossCause.EXPIRED_SENT), (WAITING, LossCause.EXPIRED)):
        _drop(db, [(row[0], feed, row[3]) for row in rows if row[1] == state and row[2] < oldest_ns], cause)
    return sum(row[2] < oldest_ns for row in rows)


def _drop(db: sqlite3.Connection, rows: list[tuple[int, str, int]], cause: LossCause) -> None:
    """Each is counted, and its number kept as lost."""
    db.executemany("DELETE FROM reads WHERE id = ?", [(row_id,) for row_id, _, _ in rows])
    numbers: dict[str, list[int]] = {}
    for _, feed, seq in rows:
        numbers.setdefault(feed, []).append(seq)
    for feed, lost in numbers.items():
        losses.count(db, feed, cause, len(lost))
        losses.add(db, feed, losses.ranges(lost), cause)


def stats(db: sqlite3.Connection, age_ns: int) -> dict[str, FeedStats]:
    """How full each feed is, when the outbox is `age_ns` old."""
    dropped: dict[str, dict[str, int]] = {}
    for feed, cause, count in db.execute("SELECT feed, cause, count FROM drops"):
        dropped.setdefault(feed, {})[cause] = count
    rows = db.execute(
        "SELECT feed, waiting, sent, last_seq, watermark, bytes, refused_acks, restarts,"
        " (SELECT count(*) FROM losses WHERE losses.feed = feeds.feed AND reported = 0),"
        " (SELECT count(*) FROM losses WHERE losses.feed = feeds.feed AND (reported = 0 OR EXISTS"
        "  (SELECT 1 FROM reads WHERE reads.feed = losses.feed AND seq = reported))),"
        " (SELECT kept_age FROM reads WHERE reads.feed = feeds.feed ORDER BY seq LIMIT 1) FROM feeds"
    ).fetchall()
    return {
        row[0]: FeedStats(
            **dict(zip(COLUMNS, row[1:10], strict=True)),
            oldest_age_s=None if row[10] is None else (age_ns - row[10]) / 1e9,
            dropped=dropped.get(row[0], {}),
            losses=losses.latest(db, row[0]),
        )
        for row in rows
    }
