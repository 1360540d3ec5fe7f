"""One encoding of each value is written, and no other is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.seal import cbor

SCALARS = st.one_of(
    st.integers(-(2**64), 2**64 - 1), st.binary(max_size=300), st.text(max_size=40), st.booleans(), st.none()
)


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Values, and lists and maps of them."""
    maps = st.dictionaries(st.integers(-70_000, 70_000) | st.text(max_size=3), inner, max_size=4)
    return st.one_of(inner, st.lists(inner, max_size=4), maps)


@given(nested(nested(nested(SCALARS))))
def test_what_is_written_is_read_back(value: object) -> None:
    assert cbor.decode(cbor.encode(value), "a value") == value


@given(st.binary(max_size=60))
def test_what_is_read_has_one_encoding(data: bytes) -> None:
    try:
        value = cbor.decode(data, "a value")
    except EnvelopeError:
        return
    assert cbor.encode(value) == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "cut short"),
        ("1817", "longer than it need be"),
        ("1900ff", "longer than it need be"),
        ("1a0000ffff", "longer than it need be"),
        ("1b00000000ffffffff", "longer than it need be"),
        ("5801", "longer than it need be"),
        ("42ff", "cut short"),
        ("9f01ff", "indefinite"),
        ("5f4101ff", "indefinite"),
        ("f93c00", "indefinite length, float"),
        ("fb3ff0000000000000", "indefinite length, float"),
        ("f7", "simple value"),
        ("f0", "simple value"),
        ("1c", "reserved"),
        ("a20200010 0".replace(" ", ""), "out of order"),
        ("a201000100", "twice"),
        ("a1f500", "neither a number nor text"),
        ("a1410000", "neither a number nor text"),
        ("61ff", "not UTF-8"),
        ("9b7fffffffffffffff", "cut short"),
        ("bb7fffffffffffffff", "cut short"),
        ("81" * 9 + "00", "nested deeper"),
    ],
)
def test_other_encodings_are_malformed(data: str, why: str) -> None:
    with pytest.raises(EnvelopeError, match=why) as refused:
        cbor.decode(bytes.fromhex(data), "a value")
    assert refused.value.kind is Refusal.MALFORMED


def test_bytes_after_the_end_are_counted() -> None:
    with pytest.raises(EnvelopeError, match="a value: 2 bytes follow") as refused:
        cbor.decode(b"\x00\x00\x00", "a value")
    assert refused.value.kind is Refusal.TRAILING_BYTES


def test_tags_mean_nothing_by_themselves() -> None:
    assert cbor.decode(bytes.fromhex("c11a514b67b0"), "a date") == cbor.Tag(1, 0x514B67B0)
    assert cbor.decode(bytes.fromhex("c24101"), "a big number") == cbor.Tag(2, b"\x01")
