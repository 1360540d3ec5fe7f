"""What the SQL stores write: an item as the columns of its table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from anpr_edge.central.dedupe import FeedKey, FeedLedger
from anpr_edge.central.documents import read_document
from anpr_edge.central.prints import Link
from anpr_edge.central.stores import Item, StoredRead, StoredRefusal, ledger_text


class ReadRow(NamedTuple):
    """A row of `plate_read`; `feed_id` stands for fleet, unit, feed and signing key."""

    day: date
    feed_id: int
    seq: int
    hash: bytes
    previous: bytes
    read_id: bytes
    received: datetime
    first_seen: datetime
    plate_text: str
    lane: str | None
    document: str


class RefusalRow(NamedTuple):
    """A row of `refusal`; with a `feed_id` it counts as here."""

    day: date
    digest: bytes
    kind: str
    topic: str
    received: datetime
    feed_id: int | None
    seq: int | None
    hash: bytes | None
    blob: bytes


class FeedRow(NamedTuple):
    """What changes in a row of `feed`: its ledger, and what people ask of it."""

    ledger: str
    highest: int
    missing: int
    breaks: int
    restarts: int


def read_row(item: StoredRead, feed_id: int) -> ReadRow:
    """The row of a read."""
    received = _moment(item.received_utc_ns)
    read = item.opened.read
    return ReadRow(
        received.date(),
        feed_id,
        item.link.seq,
        item.link.hash,
        item.link.previous,
        item.opened.read_id,
        received,
        _moment(read.first.utc_ns),
        read.plate_text,
        read.lane,
        json.dumps(read_document(item.opened, item.link, item.received_utc_ns), ensure_ascii=False),
    )


def refusal_row(item: StoredRefusal, feed_id: int | None) -> RefusalRow:
    """The row of a refusal; what comes twice by one topic has one `digest`."""
    received = _moment(item.received_utc_ns)
    digest = hashlib.sha256(item.topic.encode() + b"\0" + item.blob).digest()
    seq, hash_ = (item.link.seq, item.link.hash) if item.link else (None, None)
    return RefusalRow(
        received.date(),
        digest,
        item.kind.value,
        item.topic.replace("\0", "\ufffd"),
        received,
        feed_id,
        seq,
        hash_,
        item.blob,
    )


def feed_row(ledger: FeedLedger) -> FeedRow:
    """The row of a feed."""
    state = ledger.state
    highest = state.runs[-1].last if state.runs else 0
    return FeedRow(ledger_text.to_text(state), highest, ledger.missing, ledger.breaks, ledger.restarts)


def rows_of(items: Sequence[Item], ids: dict[FeedKey, int]) -> tuple[list[ReadRow], list[RefusalRow]]:
    """The rows of a batch."""
    reads = [read_row(item, ids[item.key]) for item in items if isinstance(item, StoredRead)]
    refusals = [
        refusal_row(item, ids[item.key] if item.key else None)
        for item in items
        if isinstance(item, StoredRefusal)
    ]
    return reads, refusals


def number_of(item: Item) -> tuple[FeedKey, Link] | None:
    """The number an item takes, or None when it takes none."""
    return (item.key, item.link) if item.key and item.link else None


def document_of(text: str) -> dict[str, Any]:
    """The object that a row of reads holds."""
    document: dict[str, Any] = json.loads(text)
    return document


def _moment(utc_ns: int) -> datetime:
    whole_s, rest_ns = divmod(utc_ns, 1_000_000_000)
    return datetime.fromtimestamp(whole_s, UTC).replace(microsecond=rest_ns // 1000)
