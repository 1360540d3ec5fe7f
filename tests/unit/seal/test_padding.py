"""Every record can be padded, is hidden in its bucket, and comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.seal.padding import BUCKETS_BYTES, pad, unpad


@given(st.binary(max_size=BUCKETS_BYTES[-1] - 1))
def test_a_record_comes_back(record: bytes) -> None:
    padded = pad(record)
    assert len(padded) in BUCKETS_BYTES
    assert unpad(padded) == record


@pytest.mark.parametrize("bucket", BUCKETS_BYTES)
def test_a_record_shorter_than_its_bucket_fills_it(bucket: int) -> None:
    assert len(pad(bytes(bucket - 1))) == bucket
    assert unpad(pad(bytes(bucket - 1))) == bytes(bucket - 1)


def test_the_longest_record_is_stated() -> None:
    with pytest.raises(SealError, match="4096 bytes, less than 4096"):
        pad(bytes(BUCKETS_BYTES[-1]))


@pytest.mark.parametrize(
    "padded", [b"", b"\x80", bytes(256), b"\x80".ljust(255, b"\0"), b"\x80".ljust(384, b"\0"), b"\x01" * 256]
)
def test_other_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(EnvelopeError) as refused:
        unpad(padded)
    assert refused.value.kind is Refusal.PAYLOAD
