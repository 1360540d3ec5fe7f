"""A read as CBOR: one map with integer keys, all numbers whole. See docs/read.cddl.

A key that is absent is a field this feed may not have; null is something the unit does not know.
Rounding: time to 1 ms, probabilities to 1/10000, position to 1e-7 degrees (11 mm) and 1 cm.
Monotonic time counts from the moment the vehicle was first seen.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.records import Alternative, Direction, Fix, Instant, PlateRead
from anpr_edge.seal import cbor
from anpr_edge.seal.wire_values import (
    Wrong,
    exactly,
    listed,
    maybe,
    probability,
    record,
    text,
    to_probability,
    whole,
)


class Field(IntEnum):
    """The fields of a read, by their keys on the wire."""

    READ_ID = 1
    PLATE_TEXT = 2
    CONFIDENCE = 3
    FIRST_SEEN = 4
    CLOCK_ERROR = 5
    DURATION = 6
    FRAMES_USED = 7
    CHAR_CONFIDENCES = 8
    ALTERNATIVES = 9
    SYNTAX = 10
    REGION = 11
    DIRECTION = 12
    LANE = 13
    FIX = 14
    MODEL_IDS = 15


ALL_FIELDS: Final = frozenset(Field)
ALWAYS: Final = frozenset(field for field in Field if field <= Field.FRAMES_USED)
"""Fields without which there is no read; the others a feed may be denied."""

READ_ID_BYTES: Final = 16

_MS: Final = 1_000_000
_E7: Final = 10_000_000
_HIGHEST_MS: Final = 2**53 - 1
"""A time any language can hold exactly. Source: RFC 8259 §6 (JavaScript's safe integers)."""
_LATEST_MS: Final = 253_370_764_799_999
_LONGEST_MS: Final = 365 * 24 * 3600 * 1000
"""Seen before the year 9999 and for no longer than one more: RFC 3339 §1 writes years in four digits."""

_DIRECTIONS: Final[tuple[Direction, ...]] = ("toward", "away")

LONGEST_PLATE: Final = 72
"""As many characters as the recogniser has slots: whatever it reads can be sealed."""

_plate: Final = text(LONGEST_PLATE)
_code: Final = text(64)

_CHECKS: Final[Mapping[Field, Callable[[object], Any]]] = {
    Field.READ_ID: exactly(READ_ID_BYTES),
    Field.PLATE_TEXT: _plate,
    Field.CONFIDENCE: probability,
    Field.FIRST_SEEN: whole(0, _LATEST_MS),
    Field.CLOCK_ERROR: maybe(whole(0, _HIGHEST_MS)),
    Field.DURATION: whole(0, _LONGEST_MS),
    Field.FRAMES_USED: whole(0, 1_000_000),
    Field.CHAR_CONFIDENCES: listed(LONGEST_PLATE, probability),
    Field.ALTERNATIVES: listed(16, record(_plate, probability)),
    Field.SYNTAX: maybe(_code),
    Field.REGION: maybe(_code),
    Field.DIRECTION: maybe(whole(1, len(_DIRECTIONS))),
    Field.LANE: maybe(_code),
    Field.FIX: maybe(
        record(
            whole(0, 3),
            maybe(whole(-90 * _E7, 90 * _E7)),
            maybe(whole(-180 * _E7, 180 * _E7)),
            maybe(whole(0, 10**10)),
            maybe(whole(-_HIGHEST_MS, _HIGHEST_MS)),
        )
    ),
    Field.MODEL_IDS: listed(8, _code),
}


@dataclass(frozen=True, slots=True)
class NamedRead:
    """A read, with the random name it has in this feed alone."""

    read_id: bytes
    read: PlateRead


def encode_read(
    read: PlateRead, *, fields: frozenset[Field] = ALL_FIELDS, read_id: bytes | None = None
) -> bytes:
    """The record of `read`: of the fields a feed may be denied, only those named.

    Raises: SealError when a value is beyond its limit.
    """
    try:
        values = _values(read, read_id or secrets.token_bytes(READ_ID_BYTES))
        chosen = {int(field): values[field] for field in Field if field in fields or field in ALWAYS}
        _checked(chosen)
    except (ValueError, OverflowError) as wrong:
        raise SealError(f"a read cannot be sealed: {wrong}") from None
    return cbor.encode(chosen)


def decode_read(encoded: bytes) -> PlateRead:
    """The read in a record. Raises: EnvelopeError (payload)."""
    return decode_named_read(encoded).read


def decode_named_read(encoded: bytes) -> NamedRead:
    """The read in a record, and its name in the feed. Raises: EnvelopeError (payload)."""
    try:
        found = _checked(cbor.decode(encoded, "the record"))
    except (Wrong, EnvelopeError) as wrong:
        raise EnvelopeError(Refusal.PAYLOAD, f"not a record of a read: {wrong}") from None
    return NamedRead(found[Field.READ_ID], _read_of(found))


def _checked(values: object) -> dict[Field, Any]:
    """Each field's value as its check gives it. Raises: Wrong."""
    if not isinstance(values, dict):
        raise Wrong("not a map")
    if not values.keys() <= _CHECKS.keys() or not values.keys() >= ALWAYS:
        raise Wrong("a field is unknown, or one is missing that every read has")
    found: dict[Field, Any] = {}
    for field, check in _CHECKS.items():
        if field in values:
            try:
                found[field] = check(values[field])
            except Wrong as wrong:
                raise Wrong(f"field {int(field)} is {wrong}") from None
    return found


def _values(read: PlateRead, read_id: bytes) -> dict[Field, object]:
    error_ms = read.first.utc_error_ms
    return {
        Field.READ_ID: read_id,
        Field.PLATE_TEXT: read.plate_text,
        Field.CONFIDENCE: to_probability(read.confidence),
        Field.FIRST_SEEN: read.first.utc_ns // _MS,
        Field.CLOCK_ERROR: None if error_ms is None else math.ceil(error_ms),
        Field.DURATION: (read.last.mono_ns - read.first.mono_ns) // _MS,
        Field.FRAMES_USED: read.frames_used,
        Field.CHAR_CONFIDENCES: [to_probability(one) for one in read.char_confidences],
        Field.ALTERNATIVES: [[one.text, to_probability(one.confidence)] for one in read.alternatives],
        Field.SYNTAX: read.syntax,
        Field.REGION: read.region,
        Field.DIRECTION: None if read.direction is None else _DIRECTIONS.index(read.direction) + 1,
        Field.LANE: read.lane,
        Field.FIX: None if read.fix is None else _fix_values(read.fix, read.first),
        Field.MODEL_IDS: list(read.model_ids),
    }


def _fix_values(fix: Fix, first: Instant) -> list[int | None]:
    taken_ms = None if fix.taken is None else (fix.taken.mono_ns - first.mono_ns) // _MS
    return [fix.mode, _scaled(fix.lat_deg, _E7), _scaled(fix.lon_deg, _E7), _scaled(fix.eph_m, 100), taken_ms]


def _scaled(value: float | None, steps: int) -> int | None:
    return None if value is None else round(value * steps)


def _read_of(found: Mapping[Field, Any]) -> PlateRead:
    direction = found.get(Field.DIRECTION)
    return PlateRead(
        plate_text=found[Field.PLATE_TEXT],
        confidence=found[Field.CONFIDENCE],
        char_confidences=found.get(Field.CHAR_CONFIDENCES, ()),
        alternatives=tuple(Alternative(*one) for one in found.get(Field.ALTERNATIVES, ())),
        syntax=found.get(Field.SYNTAX),
        region=found.get(Field.REGION),
        first=_instant(found, 0),
        last=_instant(found, found[Field.DURATION]),
        frames_used=found[Field.FRAMES_USED],
        direction=None if direction is None else _DIRECTIONS[direction - 1],
        lane=found.get(Field.LANE),
        fix=_fix_of(found),
        model_ids=found.get(Field.MODEL_IDS, ()),
    )


def _instant(found: Mapping[Field, Any], after_ms: int) -> Instant:
    """The moment `after_ms` after the vehicle was first seen."""
    error_ms = found[Field.CLOCK_ERROR]
    utc_ns = (found[Field.FIRST_SEEN] + after_ms) * _MS
    return Instant(utc_ns, after_ms * _MS, None if error_ms is None else float(error_ms))


def _fix_of(found: Mapping[Field, Any]) -> Fix | None:
    if found.get(Field.FIX) is None:
        return None
    mode, lat_e7, lon_e7, eph_cm, taken_ms = found[Field.FIX]
    return Fix(
        mode=mode,
        lat_deg=None if lat_e7 is None else lat_e7 / _E7,
        lon_deg=None if lon_e7 is None else lon_e7 / _E7,
        eph_m=None if eph_cm is None else eph_cm / 100,
        taken=None if taken_ms is None else _instant(found, taken_ms),
    )
