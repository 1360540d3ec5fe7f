"""A read survives the wire, within the rounding it states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.records import Alternative, Fix, Instant, PlateRead
from anpr_edge.seal import cbor, wire
from anpr_edge.seal.wire import Field
from tests.unit.seal.samples import FIRST, READ, from_first_sight


def arrived(read: PlateRead) -> PlateRead:
    """What comes out when `read` goes in."""
    fix = read.fix
    if fix is not None and fix.taken is not None:
        fix = replace(fix, taken=from_first_sight(fix.taken))
    return replace(read, first=from_first_sight(read.first), last=from_first_sight(read.last), fix=fix)


def test_every_field_arrives() -> None:
    assert wire.decode_read(wire.encode_read(READ)) == arrived(READ)


def test_a_read_has_a_fresh_random_name_each_time() -> None:
    names = {wire.decode_named_read(wire.encode_read(READ)).read_id for _ in range(8)}
    assert len(names) == 8
    assert wire.decode_named_read(wire.encode_read(READ, read_id=bytes(16))).read_id == bytes(16)


@pytest.mark.parametrize(
    "change",
    [
        {"syntax": None, "region": None, "direction": None, "lane": None, "fix": None},
        {"alternatives": (), "model_ids": (), "char_confidences": ()},
        {"direction": "away"},
        {"fix": Fix(0, None, None, None, None)},
        {"fix": Fix(3, -89.9999999, 179.9999999, None, None)},
        {"plate_text": "K"},
        {"plate_text": "ÄÖ•12"},
        {"confidence": 0.0},
        {"confidence": 1.0},
    ],
)
def test_what_is_not_known_stays_unknown(change: dict[str, Any]) -> None:
    read = replace(READ, **change)
    assert wire.decode_read(wire.encode_read(read)) == arrived(read)


def test_an_unsynchronised_clock_is_stated() -> None:
    read = replace(READ, first=replace(FIRST, utc_error_ms=None))
    found = wire.decode_read(wire.encode_read(read))
    assert found.first.utc_error_ms is None
    assert found.last.utc_error_ms is None


def test_a_clock_error_is_never_understated() -> None:
    read = replace(READ, first=replace(FIRST, utc_error_ms=0.2))
    assert wire.decode_read(wire.encode_read(read)).first.utc_error_ms == 1.0


@given(
    confidence=st.floats(0, 1),
    utc_ns=st.integers(0, 2**62),
    duration_ns=st.integers(0, 10**12),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
)
def test_rounding_is_as_stated(
    confidence: float, utc_ns: int, duration_ns: int, lat: float, lon: float
) -> None:
    first = Instant(utc_ns, 0, 0.0)
    last = Instant(utc_ns + duration_ns, duration_ns, 0.0)
    read = replace(READ, confidence=confidence, first=first, last=last, fix=Fix(3, lat, lon, None, None))
    found = wire.decode_read(wire.encode_read(read))

    assert abs(found.confidence - confidence) <= 0.5e-4
    assert 0 <= utc_ns - found.first.utc_ns < 1_000_000
    assert abs((found.last.mono_ns - found.first.mono_ns) - duration_ns) < 1_000_000
    assert found.fix is not None
    assert found.fix.lat_deg == pytest.approx(lat, abs=1e-7)
    assert found.fix.lon_deg == pytest.approx(lon, abs=1e-7)


def test_what_a_feed_may_not_have_is_not_in_its_record() -> None:
    record = wire.encode_read(READ, fields=frozenset({Field.REGION}))
    fields = cbor.decode(record, "the record")
    assert isinstance(fields, dict)
    assert set(fields) == {*range(1, 8), Field.REGION}
    assert b"CDF" not in record
    found = wire.decode_read(record)
    assert (found.region, found.fix, found.alternatives) == ("GB", None, ())


@pytest.mark.parametrize("confidence", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_not_sealed(confidence: float) -> None:
    with pytest.raises(SealError, match="cannot be sealed"):
        wire.encode_read(replace(READ, confidence=confidence))


def test_the_longest_text_the_recogniser_can_give_is_sealed() -> None:
    read = replace(READ, plate_text="A" * 72, char_confidences=(0.5,) * 72)
    assert wire.decode_read(wire.encode_read(read)) == arrived(read)


@pytest.mark.parametrize(
    "change",
    [
        {"plate_text": ""},
        {"plate_text": "A" * 73},
        {"confidence": 1.01},
        {"char_confidences": (0.5,) * 73},
        {"alternatives": (Alternative("AB12CDE", 0.5),) * 17},
        {"frames_used": -1},
        {"last": replace(FIRST, mono_ns=0)},
        {"lane": "x" * 65},
        {"fix": Fix(3, 91.0, 0.0, None, None)},
        {"model_ids": ("m",) * 9},
    ],
)
def test_a_value_beyond_its_limit_is_not_sealed(change: dict[str, Any]) -> None:
    with pytest.raises(SealError, match=r"field \d+ is not") as refused:
        wire.encode_read(replace(READ, **change))
    assert "AB12" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field.FIRST_SEEN, 253_370_764_800_000),
        (Field.DURATION, 31_536_000_001),
        (Field.PLATE_TEXT, "AB\x1b[2J"),
        (Field.LANE, "1\n2"),
    ],
    ids=["the year 9999", "more than a year", "a terminal's command", "a second line"],
)
def test_what_no_unit_writes_is_refused(field: Field, value: object) -> None:
    fields = cbor.decode(wire.encode_read(READ), "the record")
    assert isinstance(fields, dict)
    with pytest.raises(EnvelopeError, match=f"field {field} is not") as refused:
        wire.decode_read(cbor.encode({**fields, int(field): value}))
    assert refused.value.kind is Refusal.PAYLOAD


def test_a_refusal_never_shows_the_plate() -> None:
    fields = cbor.decode(wire.encode_read(READ), "the record")
    assert isinstance(fields, dict)
    with pytest.raises(EnvelopeError) as refused:
        wire.decode_read(cbor.encode({**fields, Field.CONFIDENCE: "AB12CDE"}))
    assert refused.value.kind is Refusal.PAYLOAD
    assert "AB12" not in str(refused.value)
