"""Whether an outbox accounts for every number it ever gave out."""

from __future__ import annotations

from anpr_edge.outbox.outbox import SqliteOutbox


def kept(outbox: SqliteOutbox, feed: str = "charging") -> set[int]:
    """The numbers that are here, sent or not."""
    return {seq for (seq,) in outbox._db.execute("SELECT seq FROM reads WHERE feed = ?", (feed,))}


def is_lost(outbox: SqliteOutbox, seq: int, feed: str = "charging") -> bool:
    """Whether a number lies in a range of losses."""
    query = "SELECT 1 FROM losses WHERE feed = ? AND first <= ? AND last >= ?"
    return outbox._db.execute(query, (feed, seq, seq)).fetchone() is not None


def unaccounted(outbox: SqliteOutbox, numbers: range, feed: str = "charging") -> list[int]:
    """Numbers that are neither here nor lost, or both."""
    here = kept(outbox, feed)
    return [seq for seq in numbers if (seq in here) == is_lost(outbox, seq, feed)]
