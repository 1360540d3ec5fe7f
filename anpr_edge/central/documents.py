"""An opened read as a JSON object: what `anpr-central` prints and stores.

    {"schema": 1, "fleet", "unit", "feed", "signer_kid", "seq", "boot_id", "previous", "hash",
     "read_id", "received_utc", "read": {"plate_text", "confidence", "char_confidences",
     "alternatives": [{"text", "confidence"}], "syntax", "region", "first_utc", "last_utc",
     "clock_error_ms" (null: the unit's clock was unsynchronised), "frames_used", "direction", "lane",
     "fix": {"mode", "lat_deg", "lon_deg", "eph_m"} or null, "model_ids"}}

`received_utc` is when the centre took the read from the broker; `anpr-central open` cannot know it and
leaves it out. Binary values are hexadecimal; times are UTC, RFC 3339, to the millisecond.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from anpr_edge.central.opener import OpenedRead
from anpr_edge.central.prints import Link
from anpr_edge.records import Alternative, Fix, PlateRead, mask_plate
from anpr_edge.seal.envelope import Envelope

if TYPE_CHECKING:
    from anpr_edge.central.stores import StoredRefusal

SCHEMA = 1


def utc_text(utc_ns: int) -> str:
    """RFC 3339 with milliseconds: `2026-11-22T05:15:00.123Z`."""
    whole_s, rest_ns = divmod(utc_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole_s, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000_000:03d}Z"


def utc_ns_of(text: str) -> int:
    """The time an RFC 3339 text says, to the millisecond. Raises: ValueError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000


def seen_within(document: Mapping[str, Any], since_utc_ns: int | None, until_utc_ns: int | None) -> bool:
    """Whether the plate was first seen in [since, until)."""
    first_utc_ns = utc_ns_of(document["read"]["first_utc"])
    return (since_utc_ns is None or since_utc_ns <= first_utc_ns) and (
        until_utc_ns is None or first_utc_ns < until_utc_ns
    )


def masked(opened: OpenedRead) -> OpenedRead:
    """The same read with every plate in it hidden but for two characters."""
    read = opened.read
    others = tuple(Alternative(mask_plate(other.text), other.confidence) for other in read.alternatives)
    hidden = replace(read, plate_text=mask_plate(read.plate_text), char_confidences=(), alternatives=others)
    return replace(opened, read=hidden)


def header_document(envelope: Envelope, link: Link) -> dict[str, Any]:
    """The clear part of an envelope."""
    return {
        "fleet": envelope.fleet,
        "unit": envelope.unit,
        "feed": envelope.feed,
        "signer_kid": envelope.signer_kid.hex(),
        "seq": envelope.seq,
        "boot_id": envelope.boot_id.hex(),
        "previous": link.previous.hex(),
        "hash": link.hash.hex(),
    }


def read_document(opened: OpenedRead, link: Link, received_utc_ns: int | None) -> dict[str, Any]:
    """The whole object, plates and all; without `received_utc` when nobody knows that time."""
    received = {} if received_utc_ns is None else {"received_utc": utc_text(received_utc_ns)}
    return {
        "schema": SCHEMA,
        **header_document(opened.envelope, link),
        "read_id": opened.read_id.hex(),
        **received,
        "read": _read(opened.read),
    }


def refusal_document(item: StoredRefusal) -> dict[str, Any]:
    """What could not be taken for a read: {"schema", "kind", "topic", "received_utc", "blob" (base64)}.

    With the clear header's fields when the envelope was genuine, and `losses`, [[first, last, cause], …], of
    a report of them.
    """
    known = header_document(item.envelope, item.link) if item.envelope and item.link else {}
    if item.losses:
        known["losses"] = [[loss.first, loss.last, loss.cause.value] for loss in item.losses]
    return {
        "schema": SCHEMA,
        "kind": item.kind.value,
        "topic": item.topic,
        **known,
        "received_utc": utc_text(item.received_utc_ns),
        "blob": base64.b64encode(item.blob).decode(),
    }


def _read(read: PlateRead) -> dict[str, Any]:
    return {
        "plate_text": read.plate_text,
        "confidence": read.confidence,
        "char_confidences": list(read.char_confidences),
        "alternatives": [{"text": one.text, "confidence": one.confidence} for one in read.alternatives],
        "syntax": read.syntax,
        "region": read.region,
        "first_utc": utc_text(read.first.utc_ns),
        "last_utc": utc_text(read.last.utc_ns),
        "clock_error_ms": read.first.utc_error_ms,
        "frames_used": read.frames_used,
        "direction": read.direction,
        "lane": read.lane,
        "fix": None if read.fix is None else _fix(read.fix),
        "model_ids": list(read.model_ids),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {"mode": fix.mode, "lat_deg": fix.lat_deg, "lon_deg": fix.lon_deg, "eph_m": fix.eph_m}
