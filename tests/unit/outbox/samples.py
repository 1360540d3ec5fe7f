"""Requests and outboxes for the tests of this room."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Delivery, SealedRead
from anpr_edge.seams import Clock, SealAs

BOOT = b"boot one........"
NEXT_BOOT = b"boot two........"
BLOB_BYTES = 600
DAY = timedelta(days=1)


def opened(
    path: Path,
    clock: Clock,
    *,
    max_bytes: int = 10_000_000,
    boot_id: bytes = BOOT,
    first: Sequence[str] = (),
) -> SqliteOutbox:
    """An outbox that keeps `charging` for a day and `police` for an hour."""
    retention = {"charging": DAY, "police": timedelta(hours=1)}
    return SqliteOutbox(
        path, clock, max_bytes=max_bytes, retention=retention, boot_id=boot_id, first=first, start=lambda: 1
    )


def sealing(feed: str) -> tuple[str, SealAs]:
    """A request for a read of `BLOB_BYTES` that tells its number and what it follows."""

    def seal(seq: int, previous: bytes) -> SealedRead:
        return SealedRead(feed, seq, (f"{feed} {seq} ".encode() + previous).ljust(BLOB_BYTES, b"."))

    return feed, seal


def keep(outbox: SqliteOutbox, count: int, feed: str = "charging") -> list[int]:
    """The numbers of so many new reads."""
    return [read.seq for read in outbox.append([sealing(feed) for _ in range(count)])]


def send(outbox: SqliteOutbox, *seqs: int, feed: str = "charging") -> None:
    """Say that the broker accepted these."""
    outbox.record([Delivery(feed, seq, 0) for seq in seqs])


def numbers(outbox: SqliteOutbox, limit: int = 1000) -> list[int]:
    """The numbers of the reads that are due."""
    return [entry.read.seq for entry in outbox.due(limit)]
