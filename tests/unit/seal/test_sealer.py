"""Each feed has its own ciphertext, its own names, and no more than it may have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.seal import cbor, envelope, wire
from anpr_edge.seal.envelope import CHAIN_START
from anpr_edge.seal.keys import RecipientKey, RecipientPrivateKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seal.wire import Field
from tests.unit.seal.samples import READ
from tests.vectors.keys import recipient, signer

UNIT = UnitIdentity("london", "unit-0042", bytes(16))
CHARGING, POLICE = recipient("charging scheme"), recipient("police")


@pytest.fixture
def sealer() -> CoseSealer:
    return CoseSealer(
        UNIT,
        signer(),
        {"charging": [CHARGING.public], "police": [POLICE.public]},
        fields={"charging": frozenset({Field.LANE})},
    )


def opened(sealer: CoseSealer, feed: str, key: RecipientPrivateKey) -> bytes:
    return envelope.parse(sealer.seal(READ, feed, 1, CHAIN_START).blob).open(key)


def fields_of(record: bytes) -> set[int | str]:
    fields = cbor.decode(record, "the record")
    assert isinstance(fields, dict)
    return set(fields)


def test_a_feed_has_no_more_than_its_fields(sealer: CoseSealer) -> None:
    assert fields_of(opened(sealer, "charging", CHARGING)) == {*wire.ALWAYS, Field.LANE}
    assert fields_of(opened(sealer, "police", POLICE)) == set(Field)


def test_one_feeds_key_opens_no_other_feed(sealer: CoseSealer) -> None:
    for feed, key in (("charging", POLICE), ("police", CHARGING)):
        with pytest.raises(EnvelopeError) as refused:
            opened(sealer, feed, key)
        assert refused.value.kind is Refusal.NOT_A_RECIPIENT


def test_two_feeds_name_one_read_differently(sealer: CoseSealer) -> None:
    names = {
        wire.decode_named_read(opened(sealer, feed, key)).read_id
        for feed, key in (("charging", CHARGING), ("police", POLICE))
    }
    assert len(names) == 2


@pytest.mark.parametrize(
    ("unit", "feeds"),
    [
        (replace(UNIT, fleet=""), {"charging": [CHARGING.public]}),
        (replace(UNIT, boot_id=b"short"), {"charging": [CHARGING.public]}),
        (UNIT, {"char/ging": [CHARGING.public]}),
        (UNIT, {"charging": []}),
        (UNIT, {"charging": [CHARGING.public] * 33}),
    ],
)
def test_what_could_not_seal_is_refused_at_the_start(
    unit: UnitIdentity, feeds: dict[str, list[RecipientKey]]
) -> None:
    with pytest.raises(SealError):
        CoseSealer(unit, signer(), feeds)
