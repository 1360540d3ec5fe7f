"""Hides how long a record is, by filling it up to one of a few sizes.

The record, one byte 0x80, then zeros: always removable, and the only way to write it.
Source: ISO/IEC 7816-4 padding, as libsodium's `sodium_pad` does it.
"""

from __future__ import annotations

from anpr_edge.errors import EnvelopeError, Refusal, SealError

BUCKETS_BYTES = (256, 384, 512, 768, 1024, 2048, 4096)
"""The only lengths a padded record has. Nearly every read of a road goes into the first."""

_END = b"\x80"


def pad(record: bytes) -> bytes:
    """`record` filled up to the smallest bucket that holds it. Raises: SealError when none does."""
    for bucket in BUCKETS_BYTES:
        if len(record) < bucket:
            return (record + _END).ljust(bucket, b"\0")
    raise SealError(f"a record of {len(record)} bytes, less than {BUCKETS_BYTES[-1]} can be sealed")


def unpad(padded: bytes) -> bytes:
    """The record that `pad` was given. Raises: EnvelopeError (payload) when it did not make this."""
    record = padded.rstrip(b"\0")[:-1]
    try:
        if pad(record) == padded:
            return record
    except SealError:
        pass
    raise EnvelopeError(Refusal.PAYLOAD, f"a payload of {len(padded)} bytes is not padded as it must be")
