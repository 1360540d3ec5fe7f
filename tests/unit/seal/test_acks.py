"""What the centre signs about what it has."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.seal import cbor, envelope, sign1
from anpr_edge.seal.acks import ACK_TYPE, LONGEST_BYTES, MOST_GAPS, Ack, open_ack, sign_ack
from tests.unit.seal.samples import sealed
from tests.vectors.keys import signer

KEY = signer("centre")
KID = signer().kid
ACK = Ack("london", "unit-0042", "charging", 1234, ((17, 17), (40, 52)), 1_790_000_000_123_456_789, KID)
FIELDS = {1: 1, 2: "london", 3: "unit-0042", 4: "charging", 5: 9, 6: [[1, 2]], 7: 5, 8: KID}


def signed(payload: object, **header: object) -> bytes:
    """Any payload, signed by the right key under the right header."""
    protected = {1: -19, 4: KEY.kid, 16: ACK_TYPE, **{int(k[1:]): v for k, v in header.items()}}
    return sign1.sign(cbor.encode(protected), cbor.encode(payload), KEY)


def kind_of(blob: bytes) -> Refusal:
    with pytest.raises(EnvelopeError) as refused:
        open_ack(blob, KEY.public)
    return refused.value.kind


def test_an_acknowledgement_comes_back() -> None:
    assert open_ack(sign_ack(ACK, KEY), KEY.public) == ACK


def test_the_most_gaps_fit() -> None:
    gaps = tuple((n, n) for n in range(2**62, 2**62 + 2 * MOST_GAPS, 2))
    full = replace(ACK, gaps=gaps)
    blob = sign_ack(full, KEY)
    assert len(blob) <= LONGEST_BYTES
    assert open_ack(blob, KEY.public) == full


def test_another_key_is_refused() -> None:
    with pytest.raises(EnvelopeError) as refused:
        open_ack(sign_ack(ACK, KEY), signer("somebody").public)
    assert refused.value.kind is Refusal.HEADER


def test_any_changed_bit_is_refused() -> None:
    blob = sign_ack(ACK, KEY)
    for at in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(EnvelopeError):
            open_ack(bytes(changed), KEY.public)


def test_a_sealed_read_never_passes_for_an_acknowledgement() -> None:
    with pytest.raises(EnvelopeError) as refused:
        open_ack(sealed(), signer().public)
    assert refused.value.kind is Refusal.HEADER
    with pytest.raises(EnvelopeError):
        envelope.parse(sign_ack(ACK, KEY))


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({**FIELDS, 1: 2}, Refusal.VERSION),
        ({**FIELDS, 1: True}, Refusal.VERSION),
        ({**FIELDS, 9: 0}, Refusal.MALFORMED),
        ({k: v for k, v in FIELDS.items() if k != 7}, Refusal.MALFORMED),
        ({k: v for k, v in FIELDS.items() if k != 8}, Refusal.MALFORMED),
        ({**FIELDS, 8: KID[:7]}, Refusal.MALFORMED),
        ({**FIELDS, 8: KID.hex()}, Refusal.MALFORMED),
        ({**FIELDS, 2: ""}, Refusal.MALFORMED),
        ({**FIELDS, 5: -1}, Refusal.MALFORMED),
        ({**FIELDS, 5: True}, Refusal.MALFORMED),
        ({**FIELDS, 6: [[2, 1]]}, Refusal.MALFORMED),
        ({**FIELDS, 6: [[0, 1]]}, Refusal.MALFORMED),
        ({**FIELDS, 6: [[1, 2], [2, 3]]}, Refusal.MALFORMED),
        ({**FIELDS, 6: [[1]]}, Refusal.MALFORMED),
        ({**FIELDS, 6: [1]}, Refusal.MALFORMED),
        ({**FIELDS, 6: 1}, Refusal.MALFORMED),
        ({**FIELDS, 3: 42}, Refusal.MALFORMED),
        ({**FIELDS, 6: [["1", "2"]]}, Refusal.MALFORMED),
        ([], Refusal.MALFORMED),
    ],
)
def test_a_wrong_field_is_refused(payload: object, kind: Refusal) -> None:
    assert kind_of(signed(payload)) is kind


def test_another_header_is_refused() -> None:
    assert kind_of(signed(FIELDS, _16="application/other")) is Refusal.HEADER
    assert kind_of(signed(FIELDS, _3=96)) is Refusal.HEADER


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ACK, unit="a b"),
        replace(ACK, watermark=-1),
        replace(ACK, gaps=((5, 4),)),
        replace(ACK, gaps=tuple((2 * n, 2 * n) for n in range(1, MOST_GAPS + 2))),
        replace(ACK, issued_utc_ns=-1),
        replace(ACK, unit_kid=b""),
    ],
)
def test_a_wrong_acknowledgement_is_not_signed(wrong: Ack) -> None:
    with pytest.raises(SealError):
        sign_ack(wrong, KEY)


@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_crashes(noise: bytes) -> None:
    with pytest.raises(EnvelopeError):
        open_ack(noise, KEY.public)
    with pytest.raises(EnvelopeError):
        open_ack(sign1.sign(cbor.encode({1: -19, 4: KEY.kid, 16: ACK_TYPE}), noise, KEY), KEY.public)
