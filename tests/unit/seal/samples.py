"""Reads and sealed reads for the tests of this room."""

from __future__ import annotations

from dataclasses import replace

from anpr_edge.records import Alternative, Fix, Instant, PlateRead
from anpr_edge.seal import envelope, wire
from anpr_edge.seal.envelope import CHAIN_START, FORMAT_VERSION, ClearHeader
from tests.vectors.keys import recipient, signer

FIRST = Instant(1_790_000_000_123_000_000, 5_000_000_000, 4.0)

READ = PlateRead(
    plate_text="AB12CDE",
    confidence=0.9731,
    char_confidences=(0.999, 0.9985, 0.9971, 0.999, 0.9991, 0.987, 0.9902),
    alternatives=(Alternative("AB12CDF", 0.0061), Alternative("A812CDE", 0.0022)),
    syntax="gb:current",
    region="GB",
    first=FIRST,
    last=Instant(FIRST.utc_ns + 267_000_000, FIRST.mono_ns + 267_000_000, 4.0),
    frames_used=8,
    direction="toward",
    lane="2",
    fix=Fix(3, 51.5012345, -0.1412345, 2.5, Instant(FIRST.utc_ns - 10**9, FIRST.mono_ns - 10**9, 4.0)),
    model_ids=("detector-1.0.0+0a1b2c3d", "recogniser-1.0.0+4e5f6071"),
)

HEADER = ClearHeader(FORMAT_VERSION, "london", "unit-0042", "charging", bytes(range(16)), 7, CHAIN_START)


def from_first_sight(moment: Instant) -> Instant:
    """A moment as it comes back: monotonic time counts from when the vehicle was first seen."""
    return replace(moment, mono_ns=moment.mono_ns - FIRST.mono_ns)


def sealed(read: PlateRead = READ, header: ClearHeader = HEADER) -> bytes:
    """A sealed read for `recipient()`, from `signer()`."""
    return envelope.seal(wire.encode_read(read), header, [recipient().public], signer())
