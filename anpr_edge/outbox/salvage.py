"""Saves from a damaged outbox what can be read of it, into a new one, and notes the rest as lost.

Every read is fetched by itself, so that a damaged page costs the reads on it and no other. Their ids come
from the table and from both its indexes, each read from both ends up to where it breaks. What was damaged
without showing is found by whoever checks its signature: the centre refuses it, and says that it misses it.

No number comes again: every feed goes on in the epoch after the highest number it may have used.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from anpr_edge.outbox import losses, numbering
from anpr_edge.outbox.delivery import LONGEST_CONFIRM_NS, SENT
from anpr_edge.outbox.marks import SYNC_EVERY
from anpr_edge.records import EPOCH_NUMBERS, LossCause

MOST_PROBES: Final = 1_000_000
"""How many ids are tried one by one where the table itself no longer tells them."""

STEP_READS: Final = 1000
Step = Callable[[bool], None]
"""Ends the caller's transaction, true to keep what it did, and begins the next one."""

HIGHEST_SEQ: Final = 2**63 - 1

_IDS: Final = (
    "SELECT id FROM reads NOT INDEXED ORDER BY id {}",
    "SELECT id FROM reads INDEXED BY reads_by_state ORDER BY state {0}, id {0}",
    "SELECT id FROM reads INDEXED BY reads_by_number ORDER BY feed {0}, seq {0}",
)
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of it: reads taken over, and how many numbers are lost with the file, at most."""

    reads: int
    lost: int


@dataclass(frozen=True, slots=True)
class _Feed:
    last_seq: int
    watermark: int
    restarts: int
    refused_acks: int


def save(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    marks: Mapping[str, int],
    start: numbering.Start,
    step: Step,
    *,
    whole: bool = False,
) -> Saved:
    """Take over into `target`, in the caller's transaction, what `source` still gives.

    `step` ends that transaction and begins the next one, every `STEP_READS`, so that an outbox of any size is
    saved with a short log; what was taken over before an interruption is not taken over again. On a disk
    without room for the rest, the rest is lost. `whole` says that the source is sound, but for its name.
    """
    shift_ns, age_ns = _take_over_age(source, target)
    feeds = _feeds(source, marks, whole=whole)
    reads = 0
    try:
        for count, row in enumerate(_reads(source), 1):
            feeds.setdefault(row[1], _Feed(0, 0, 0, 0))
            numbering.make_known(target, row[1], 0)
            reads += _keep(target, row, shift_ns, age_ns)
            if count % STEP_READS == 0:
                step(True)
        step(True)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        step(False)
    _take_over_losses(source, target)
    return Saved(reads, sum(_settle(target, feed, feeds[feed], marks.get(feed, 0), start) for feed in feeds))


def _settle(target: sqlite3.Connection, feed: str, before: _Feed, mark: int, start: numbering.Start) -> int:
    """Number the feed on, and note what is neither confirmed nor here; how many numbers that are."""
    here = [seq for (seq,) in target.execute("SELECT seq FROM reads WHERE feed = ?", (feed,))]
    used = max(before.last_seq, mark, max(here, default=0))
    known = target.execute("SELECT last_seq FROM feeds WHERE feed = ?", (feed,)).fetchone()
    if used == 0:
        return 0
    numbering.begin_anew(target, feed, max(used, known[0] if known else 0), start)
    target.execute(
        "UPDATE feeds SET watermark = max(watermark, ?), restarts = restarts + ?,"
        " refused_acks = refused_acks + ? WHERE feed = ?",
        (min(before.watermark, used), before.restarts, before.refused_acks, feed),
    )
    epoch = used // EPOCH_NUMBERS * EPOCH_NUMBERS
    losses.found(target, feed, losses.ranges(here))
    noted = target.execute("SELECT first, last FROM losses WHERE feed = ?", (feed,)).fetchall()
    lost = list(losses.without(max(before.watermark, epoch) + 1, used, losses.ranges(here) + noted))
    losses.add(target, feed, lost, LossCause.BROKEN)
    count = sum(last - first + 1 for first, last in lost)
    if before.watermark > epoch and count:
        losses.count(target, feed, LossCause.BROKEN, count)
    return count if before.watermark > epoch else 0


def _feeds(source: sqlite3.Connection, marks: Mapping[str, int], *, whole: bool) -> dict[str, _Feed]:
    """What the source says of its feeds, where that can be: a mark is at most `SYNC_EVERY` behind."""
    found = dict.fromkeys(marks, _Feed(0, 0, 0, 0))
    query = "SELECT feed, last_seq, watermark, restarts, refused_acks FROM feeds ORDER BY feed {}"
    for feed, last_seq, watermark, restarts, refused in _both_ways(source, query):
        if not _is_text(feed) or not all(_is_whole(one) for one in (last_seq, watermark, restarts, refused)):
            continue
        believed = whole or feed not in marks or marks[feed] <= last_seq <= marks[feed] + SYNC_EVERY
        if believed or watermark <= marks[feed]:
            found[feed] = _Feed(last_seq if believed else 0, watermark, restarts, refused)
    return found


def _reads(source: sqlite3.Connection) -> Iterator[_Row]:
    """Every read that can be had, in the order of arrival."""
    query = "SELECT id, feed, seq, state, attempts, kept_age, not_before, blob FROM reads WHERE id = ?"
    for number in _ids(source):
        try:
            row = source.execute(query, (number,)).fetchone()
        except (sqlite3.Error, OverflowError, UnicodeDecodeError):
            continue
        if row is not None and _is_a_read(row):
            yield row


def _ids(source: sqlite3.Connection) -> Iterable[int]:
    found = {row[0] for query in _IDS for row in _both_ways(source, query) if _is_whole(row[0])}
    missing = max(found, default=0) - min(found, default=0) + 1 - len(found)
    if found and missing <= MOST_PROBES:
        return range(min(found), max(found) + 1)
    return sorted(found)


def _both_ways(source: sqlite3.Connection, query: str) -> Iterator[_Row]:
    """What a query gives from its beginning, and from its end where that was not reached."""
    for order in ("ASC", "DESC"):
        try:
            yield from source.execute(query.format(order))
        except (sqlite3.Error, OverflowError, UnicodeDecodeError):
            continue
        return


def _is_a_read(row: _Row) -> bool:
    _, feed, seq, state, attempts, kept_age, not_before, blob = row
    return (
        _is_text(feed)
        and _is_whole(seq)
        and seq > 0
        and state in (0, 1)
        and isinstance(attempts, int)
        and _is_whole(kept_age)
        and _is_whole(not_before)
        and isinstance(blob, bytes)
    )


def _keep(target: sqlite3.Connection, row: _Row, shift_ns: int, age_ns: int) -> int:
    """1 when the read is taken over, 0 when one of its number is here already."""
    _, feed, seq, state, attempts, kept_age, not_before, blob = row
    kept_age = min(kept_age + shift_ns, age_ns)
    not_before = min(not_before + shift_ns, age_ns + LONGEST_CONFIRM_NS) if not_before else 0
    added = target.execute(
        "INSERT OR IGNORE INTO reads (feed, seq, attempts, kept_age, not_before, blob)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (feed, seq, attempts, kept_age, not_before, blob),
    ).rowcount
    if added and state == SENT:  # the schema counts a new read as waiting
        target.execute("UPDATE reads SET state = ? WHERE feed = ? AND seq = ?", (SENT, feed, seq))
    return added


def _take_over_age(source: sqlite3.Connection, target: sqlite3.Connection) -> tuple[int, int]:
    """What to add to the source's ages, and the age that no read is kept after.

    A target that had no age takes the source's own.
    """
    query = "SELECT one, boot_id, mono_ns, age_ns, synced_boot_id, synced_utc_ns, synced_age_ns FROM age {}"
    rows = [row for row in _both_ways(source, query.replace(" {}", " ORDER BY one {}")) if _is_whole(row[3])]
    own = target.execute("SELECT age_ns FROM age").fetchone()
    if not rows:
        return 0, own[0] if own else 0
    if own is not None:
        return own[0] - rows[0][3], own[0]
    target.execute("INSERT INTO age VALUES (?, ?, ?, ?, ?, ?, ?)", rows[0])
    return 0, rows[0][3]


def _take_over_losses(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """What was lost before stays lost; a report that was lost itself is made again."""
    drops = _both_ways(source, "SELECT feed, cause, count FROM drops ORDER BY feed {0}, cause {0}")
    for feed, cause, count in dict.fromkeys(drops):
        if _is_text(feed) and _is_cause(cause) and _is_whole(count):
            losses.count(target, feed, cause, count)
    query = "SELECT feed, first, last, cause FROM losses ORDER BY id {}"
    for feed, first, last, cause in _both_ways(source, query):
        if _is_text(feed) and _is_cause(cause) and _is_whole(first) and _is_whole(last) and first <= last:
            losses.add(target, feed, [(first, last)], LossCause(cause))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= HIGHEST_SEQ


def _is_cause(value: str) -> bool:
    with suppress(ValueError):
        return LossCause(value) in LossCause
    return False
