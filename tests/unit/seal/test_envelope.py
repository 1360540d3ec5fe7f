"""A sealed read: opened by its recipients, refused by everyone when a bit of it has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cwt import COSE, COSEKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.records import Instant, PlateRead
from anpr_edge.seal import encrypt, envelope, header, padding, sign1, wire
from anpr_edge.seal.keys import RecipientKey
from tests.unit.seal.samples import HEADER, READ, sealed
from tests.vectors.keys import recipient, seed_of, signer

BLOB = sealed()
TAMPERED = {
    Refusal.MALFORMED,
    Refusal.TRAILING_BYTES,
    Refusal.HEADER,
    Refusal.VERSION,
    Refusal.WRONG_UNIT,
    Refusal.WRONG_FEED,
    Refusal.SIGNATURE,
}


def received(blob: bytes) -> PlateRead:
    """All that a centre does before it believes a read."""
    found = envelope.parse(blob)
    found.addressed("london", "unit-0042", "charging")
    found.verify(signer().public)
    return wire.decode_read(found.open(recipient()))


def test_a_sealed_read_is_opened_by_its_recipient() -> None:
    assert received(BLOB).plate_text == READ.plate_text


def test_the_clear_header_is_what_was_given() -> None:
    found = envelope.parse(BLOB)
    assert [getattr(found, name) for name in HEADER.__slots__] == [
        getattr(HEADER, name) for name in HEADER.__slots__
    ]
    assert found.signer_kid == signer().kid


def test_nothing_of_the_read_is_in_the_clear() -> None:
    for secret in (b"AB12", b"CDE", b"gb:current", READ.first.utc_ns.to_bytes(8), b"detector"):
        assert secret not in BLOB


def test_two_seals_of_one_read_share_nothing_but_the_header() -> None:
    one, two = envelope.parse(sealed()), envelope.parse(sealed())
    assert one.signed.protected == two.signed.protected
    assert one.encrypted.nonce != two.encrypted.nonce
    assert one.encrypted.ciphertext != two.encrypted.ciphertext
    assert one.encrypted.recipients[0].encapsulated != two.encrypted.recipients[0].encapsulated


def test_length_does_not_tell_the_plate() -> None:
    short = replace(READ, plate_text="A1", char_confidences=(0.9, 0.9), alternatives=(), syntax=None)
    assert len(sealed(short)) == len(BLOB)


def test_a_read_with_all_fields_stays_within_700_bytes() -> None:
    longest_names = replace(HEADER, seq=2**63 - 1)
    assert len(sealed(header=longest_names)) <= 700


def test_each_recipient_opens_it_and_nobody_else() -> None:
    keys = [recipient(name) for name in ("recipient one", "recipient two", "recipient three")]
    record = wire.encode_read(READ)
    found = envelope.parse(envelope.seal(record, HEADER, [key.public for key in keys], signer()))

    assert [found.open(key) for key in keys] == [record] * 3
    with pytest.raises(EnvelopeError) as refused:
        found.open(recipient("somebody else"))
    assert refused.value.kind is Refusal.NOT_A_RECIPIENT


def test_a_feed_may_mix_recipients_of_both_suites() -> None:
    keys = [recipient(name) for name in ("recipient one", "hybrid one", "recipient two", "hybrid two")]
    record = wire.encode_read(READ)
    found = envelope.parse(envelope.seal(record, HEADER, [key.public for key in keys], signer()))

    assert [found.open(key) for key in keys] == [record] * 4
    assert [one.alg for one in found.encrypted.recipients] == [49, -65538, 49, -65538]
    with pytest.raises(EnvelopeError, match="sealed for 4 other") as refused:
        found.open(recipient("hybrid three"))
    assert refused.value.kind is Refusal.NOT_A_RECIPIENT
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("names", "bytes_at_most"), [(["hybrid one"], 1800), (["recipient one", "hybrid one"], 1900)]
)
def test_a_hybrid_recipient_takes_about_1200_bytes(names: list[str], bytes_at_most: int) -> None:
    recipients = [recipient(name).public for name in names]
    blob = envelope.seal(wire.encode_read(READ), HEADER, recipients, signer())
    assert len(blob) <= bytes_at_most


@pytest.mark.parametrize("kind", ["recipient", "hybrid"])
def test_the_most_recipients_and_the_longest_record_fit(kind: str) -> None:
    many = [recipient(f"{kind} {n}").public for n in range(encrypt.MOST_RECIPIENTS)]
    longest = replace(HEADER, fleet="f" * 64, unit="u" * 64, feed="e" * 64, seq=2**63 - 1)
    blob = envelope.seal(bytes(4095), longest, many, signer())
    assert len(blob) <= envelope.LONGEST_BYTES
    assert envelope.parse(blob).open(recipient(f"{kind} 31")) == bytes(4095)


@pytest.mark.parametrize("recipients", [[], [recipient().public] * (encrypt.MOST_RECIPIENTS + 1)])
def test_too_few_or_too_many_recipients_are_not_sealed_for(recipients: list[RecipientKey]) -> None:
    with pytest.raises(SealError, match="from 1 to 32"):
        envelope.seal(b"", HEADER, recipients, signer())


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (replace(HEADER, feed="a/b"), "feed is not a name"),
        (replace(HEADER, unit=""), "unit is not a name"),
        (replace(HEADER, fleet="x" * 65), "fleet is not a name"),
        (replace(HEADER, boot_id=b""), "boot id is not 16 bytes"),
        (replace(HEADER, previous=bytes(31)), "previous hash is not 32 bytes"),
        (replace(HEADER, seq=0), "sequence number"),
    ],
)
def test_a_header_beyond_its_limits_is_not_sealed(header: envelope.ClearHeader, why: str) -> None:
    with pytest.raises(SealError, match=why):
        sealed(header=header)


def test_a_unit_that_signs_under_another_keys_name_is_refused() -> None:
    recipients = [recipient().public]
    protected = header.encode(HEADER, signer("another").public)
    ciphertext = encrypt.encrypt(padding.pad(wire.encode_read(READ)), recipients, bound_to=protected)
    with pytest.raises(EnvelopeError) as refused:
        envelope.parse(sign1.sign(protected, ciphertext, signer())).verify(signer().public)
    assert refused.value.kind is Refusal.SIGNATURE


@pytest.mark.parametrize("bit", range(8))
def test_any_changed_bit_is_refused(bit: int) -> None:
    for at in range(len(BLOB)):
        changed = bytearray(BLOB)
        changed[at] ^= 1 << bit
        with pytest.raises(EnvelopeError) as refused:
            received(bytes(changed))
        assert refused.value.kind in TAMPERED


def test_any_changed_byte_of_a_read_for_both_suites_is_refused() -> None:
    recipients = [recipient("recipient one").public, recipient("hybrid one").public]
    blob = envelope.seal(wire.encode_read(READ), HEADER, recipients, signer())
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 1 << at % 8
        with pytest.raises(EnvelopeError) as refused:
            received(bytes(changed))
        assert refused.value.kind in TAMPERED


def test_any_shorter_read_is_malformed() -> None:
    for length in range(len(BLOB)):
        with pytest.raises(EnvelopeError) as refused:
            envelope.parse(BLOB[:length])
        assert refused.value.kind is Refusal.MALFORMED


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_mixed_up_bytes_are_refused_and_never_crash(data: st.DataObject) -> None:
    """Pieces of two good envelopes and of nothing at all, in any order."""
    other = sealed(header=replace(HEADER, seq=8))
    pieces = data.draw(
        st.lists(
            st.one_of(
                st.binary(max_size=40),
                st.tuples(st.sampled_from([BLOB, other]), st.integers(0, 600), st.integers(0, 600)).map(
                    lambda cut: cut[0][cut[1] : cut[1] + cut[2]]
                ),
            ),
            max_size=5,
        )
    )
    blob = b"".join(pieces)
    if blob in (BLOB, other):
        return
    with pytest.raises(EnvelopeError):
        received(blob)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_noise_is_refused_and_never_crashes(noise: bytes) -> None:
    with pytest.raises(EnvelopeError):
        received(noise)
    with pytest.raises(EnvelopeError):
        envelope.parse(b"\xd2\x84" + noise)
    with pytest.raises(EnvelopeError):
        encrypt.parse(b"\xd8\x60\x84" + noise)


def test_only_its_own_topic_carries_it() -> None:
    found = envelope.parse(BLOB)
    for fleet, unit, feed, kind in (
        ("paris", "unit-0042", "charging", Refusal.WRONG_UNIT),
        ("london", "unit-0043", "charging", Refusal.WRONG_UNIT),
        ("london", "unit-0042", "police", Refusal.WRONG_FEED),
    ):
        with pytest.raises(EnvelopeError) as refused:
            found.addressed(fleet, unit, feed)
        assert refused.value.kind is kind


def test_an_independent_library_opens_what_we_seal() -> None:
    key, sign = recipient(), signer()
    verifies = COSEKey.new({1: 1, 2: sign.kid, 3: -19, -1: 6, -2: sign.public.raw, 4: [2]})
    opens = COSEKey.new({1: 1, 2: key.kid, 3: 49, -1: 4, -2: key.public.raw, -4: seed_of("recipient one")})
    payload = COSE.new().decode(BLOB, verifies)
    padded = COSE.new().decode(payload, opens, external_aad=envelope.parse(BLOB).signed.protected)

    assert padded.rstrip(b"\0")[:-1] == envelope.parse(BLOB).open(key)


def test_a_message_about_an_envelope_shows_no_plate() -> None:
    assert repr(envelope.parse(BLOB)) == "Envelope(london/unit-0042/charging#7)"


def test_a_read_from_before_the_epoch_is_not_sealed() -> None:
    with pytest.raises(SealError, match="field 4"):
        sealed(replace(READ, first=Instant(-1, 0), last=Instant(-1, 0), fix=None))
