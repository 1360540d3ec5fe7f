"""What every Sealer promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anpr_edge.errors import SealError
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seams import Sealer
from tests.fakes import FakeSealer
from tests.unit.seal.samples import READ
from tests.vectors.keys import recipient, signer

START = bytes(32)


@pytest.fixture(params=["cose", "fake"])
def sealer(request: pytest.FixtureRequest) -> Sealer:
    if request.param == "fake":
        return FakeSealer(["charging", "police"])
    feeds = {"charging": [recipient().public], "police": [recipient("recipient two").public]}
    return CoseSealer(UnitIdentity("london", "unit-0042", bytes(16)), signer(), feeds)


def test_a_sealed_read_bears_its_feed_and_number(sealer: Sealer) -> None:
    read = sealer.seal(READ, "charging", 7, START)
    assert (read.feed, read.seq) == ("charging", 7)


def test_the_plate_is_not_to_be_seen(sealer: Sealer) -> None:
    read = sealer.seal(READ, "charging", 1, START)
    assert b"AB12" not in read.blob
    assert "AB12" not in repr(read)


def test_number_feed_and_the_read_before_all_count(sealer: Sealer) -> None:
    blobs = {
        sealer.seal(READ, "charging", 1, START).blob,
        sealer.seal(READ, "charging", 2, START).blob,
        sealer.seal(READ, "police", 1, START).blob,
        sealer.seal(READ, "charging", 1, bytes(range(32))).blob,
        sealer.seal(replace(READ, plate_text="CD34EFG"), "charging", 1, START).blob,
    }
    assert len(blobs) == 5


def test_the_length_does_not_tell_the_plate(sealer: Sealer) -> None:
    short = replace(READ, plate_text="A1")
    assert len(sealer.seal(short, "charging", 1, START).blob) == len(
        sealer.seal(READ, "charging", 1, START).blob
    )


def test_an_unknown_feed_is_refused(sealer: Sealer) -> None:
    with pytest.raises(SealError, match="parking"):
        sealer.seal(READ, "parking", 1, START)
