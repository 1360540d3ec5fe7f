"""Which numbers are lost for good, by range and cause, until the feed's centre has been told.

A loss says that the unit has none of these numbers any more: what of them the centre has not got by then, it
will never get. So two ranges of one cause grow together when nothing between them is kept here. Every
function runs in the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from anpr_edge.records import Loss, LossCause

Ranges = Sequence[tuple[int, int]]

MOST_IN_REPORT: Final = 100
"""What one loss report names: its record then fits the format's second largest padding bucket."""

MOST_KEPT: Final = 1000
"""Losses remembered for each feed; beyond that neighbours become one, or the oldest that were told go."""

SHOWN: Final = 10
"""What a unit's state names of each feed's losses."""

TELL_AGAIN_NS: Final = 600 * 10**9
"""A loss that was told, and is asked for again, is told again no sooner: the centre may not know reports."""


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The runs of consecutive numbers among `numbers`."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number <= found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def without(first: int, last: int, taken: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The parts of `first` to `last` that none of `taken` covers."""
    for low, high in sorted(taken):
        if low > first:
            yield first, min(low - 1, last)
        first = max(first, high + 1)
        if first > last:
            return
    if first <= last:
        yield first, last


def add(db: sqlite3.Connection, feed: str, lost: Ranges, cause: LossCause) -> None:
    """Note these numbers as lost; reports among them will be made again."""
    for first, last in lost:
        db.execute(
            "UPDATE losses SET reported = 0 WHERE feed = ? AND reported BETWEEN ? AND ?", (feed, first, last)
        )
        row = db.execute(
            "SELECT id, last FROM losses WHERE feed = ? AND last < ? AND cause = ? AND reported = 0"
            " ORDER BY last DESC LIMIT 1",
            (feed, first, cause),
        ).fetchone()
        if row is not None and not _is_kept(db, feed, row[1], first):
            db.execute("UPDATE losses SET last = ? WHERE id = ?", (last, row[0]))
        else:
            db.execute(
                "INSERT INTO losses (feed, first, last, cause) VALUES (?, ?, ?, ?)",
                (feed, first, last, cause),
            )
    _bound(db, feed)


def found(db: sqlite3.Connection, feed: str, here: Ranges) -> None:
    """Take back that these are lost: they have been saved."""
    for first, last in here:
        rows = db.execute(
            "SELECT id, first, last, cause FROM losses WHERE feed = ? AND last >= ? AND first <= ?",
            (feed, first, last),
        ).fetchall()
        for row, low, high, cause in rows:
            db.execute("DELETE FROM losses WHERE id = ?", (row,))
            for part in without(low, high, [(first, last)]):
                db.execute(
                    "INSERT INTO losses (feed, first, last, cause) VALUES (?, ?, ?, ?)", (feed, *part, cause)
                )


def count(db: sqlite3.Connection, feed: str, cause: LossCause, number: int) -> None:
    """Count so many reads of a feed as given up."""
    db.execute(
        "INSERT INTO drops VALUES (?, ?, ?)"
        " ON CONFLICT (feed, cause) DO UPDATE SET count = count + excluded.count",
        (feed, cause, number),
    )


def unreported(db: sqlite3.Connection, feed: str) -> dict[int, Loss]:
    """Losses the centre has not been told of, by their row, oldest first: as many as one report names."""
    rows = db.execute(
        "SELECT id, first, last, cause FROM losses WHERE feed = ? AND reported = 0 ORDER BY first LIMIT ?",
        (feed, MOST_IN_REPORT),
    )
    return {row[0]: Loss(row[1], row[2], LossCause(row[3])) for row in rows}


def latest(db: sqlite3.Connection, feed: str) -> tuple[Loss, ...]:
    """The feed's last losses, told or not, oldest first."""
    rows = db.execute(
        "SELECT first, last, cause FROM losses WHERE feed = ? ORDER BY id DESC LIMIT ?", (feed, SHOWN)
    )
    return tuple(Loss(first, last, LossCause(cause)) for first, last, cause in reversed(rows.fetchall()))


def feeds_to_report(db: sqlite3.Connection) -> list[str]:
    """The feeds that have losses to report."""
    rows = db.execute("SELECT DISTINCT feed FROM losses WHERE reported = 0 ORDER BY feed")
    return [feed for (feed,) in rows]


def reported(db: sqlite3.Connection, rows: Iterable[int], seq: int, age_ns: int) -> None:
    """The read `seq` carries the report of these losses."""
    db.executemany(
        "UPDATE losses SET reported = ?, told_age = ? WHERE id = ?", [(seq, age_ns, row) for row in rows]
    )


def asked_for(db: sqlite3.Connection, feed: str, gaps: Ranges, age_ns: int) -> None:
    """The centre misses these: of what is not here, tell it again that it is lost, and why."""
    for first, last in gaps:
        known = db.execute(
            "SELECT first, last FROM losses WHERE feed = ? AND last >= ? AND first <= ?", (feed, first, last)
        ).fetchall()
        db.execute(
            "UPDATE losses SET reported = 0 WHERE feed = ? AND last >= ? AND first <= ? AND reported <> 0"
            " AND told_age <= ? AND reported NOT IN (SELECT seq FROM reads WHERE reads.feed = losses.feed)",
            (feed, first, last, age_ns - TELL_AGAIN_NS),
        )
        kept = "FROM reads WHERE feed = ? AND seq BETWEEN ? AND ?"
        if db.execute(f"SELECT count(*) {kept}", (feed, first, last)).fetchone()[0] > last - first:
            continue
        here = ranges(seq for (seq,) in db.execute(f"SELECT seq {kept}", (feed, first, last)))
        add(db, feed, list(without(first, last, known + here)), LossCause.UNKNOWN)


def _is_kept(db: sqlite3.Connection, feed: str, above: int, below: int) -> bool:
    """Whether a read between two numbers is still here."""
    row = db.execute(
        "SELECT 1 FROM reads WHERE feed = ? AND seq > ? AND seq < ? LIMIT 1", (feed, above, below)
    ).fetchone()
    return row is not None


def _bound(db: sqlite3.Connection, feed: str) -> None:
    """Keep a feed's losses within `MOST_KEPT`: the oldest that were told go, then neighbours become one."""
    (excess,) = db.execute("SELECT count(*) - ? FROM losses WHERE feed = ?", (MOST_KEPT, feed)).fetchone()
    if excess <= 0:
        return
    excess -= db.execute(
        "DELETE FROM losses WHERE id IN (SELECT id FROM losses WHERE feed = ? AND reported <> 0"
        " AND reported NOT IN (SELECT seq FROM reads WHERE reads.feed = losses.feed) ORDER BY last LIMIT ?)",
        (feed, excess),
    ).rowcount
    rows = db.execute("SELECT id, first, last FROM losses WHERE feed = ? ORDER BY first", (feed,)).fetchall()
    for (row, first, last), (above, low, high) in pairwise(rows):
        if excess > 0 and low > last and not _is_kept(db, feed, last, low):
            db.execute("DELETE FROM losses WHERE id = ?", (row,))
            db.execute(
                "UPDATE losses SET first = min(first, ?), last = max(last, ?), cause = ?, reported = 0"
                " WHERE id = ?",
                (first, high, LossCause.UNKNOWN, above),
            )
            excess -= 1
