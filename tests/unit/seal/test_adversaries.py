"""What each adversary of docs/threat-model.md tries, where no other test tries it already."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from anpr_edge.errors import EnvelopeError, KeyFileError, Refusal
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import SealedRead
from anpr_edge.seal import cbor, encrypt, envelope, hpke, padding, sign1, wire
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seams import SealAs
from tests.fakes import FakeClock
from tests.unit.seal.samples import HEADER, READ, sealed
from tests.vectors import hybrid
from tests.vectors.keys import recipient, seed_of, signer

CHARGING, POLICE = recipient("charging scheme"), recipient("hybrid police")
FEEDS = {"charging": [CHARGING.public], "police": [POLICE.public]}
BOOT = bytes(range(16))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The state folder of a unit that has kept five reads for each of two feeds."""
    signer().save(tmp_path / "sign.pem")
    sealer = CoseSealer(UnitIdentity("london", "unit-0042", BOOT), signer(), FEEDS)

    def sealing(feed: str) -> tuple[str, SealAs]:
        def seal(seq: int, previous: bytes) -> SealedRead:
            return sealer.seal(READ, feed, seq, previous)

        return feed, seal

    retention = dict.fromkeys(FEEDS, timedelta(days=1))
    outbox = SqliteOutbox(
        tmp_path / "outbox.db", FakeClock(), max_bytes=10**7, retention=retention, boot_id=BOOT
    )
    with closing(outbox):
        outbox.append([sealing(feed) for feed in FEEDS for _ in range(5)])
    return tmp_path


def test_a_thief_finds_nothing_of_a_read_on_a_unit(unit: Path) -> None:
    content = b"".join(file.read_bytes() for file in unit.rglob("*") if file.is_file())
    assert content.count(b"london") >= 10
    for secret in (b"AB12", b"A812", b"gb:current", b"detector", cbor.encode(READ.first.utc_ns // 1_000_000)):
        assert secret not in content


def test_a_thief_finds_no_key_that_opens_anything(unit: Path) -> None:
    keys = list(unit.rglob("*.pem"))
    assert keys
    for key in keys:
        with pytest.raises(KeyFileError, match="not an X25519 or X-Wing key"):
            RecipientPrivateKey.load(key)


def test_two_feeds_cannot_be_joined_by_counting(unit: Path) -> None:
    """Both were given the same five reads in the same order: no number of one is near one of the other."""
    with closing(sqlite3.connect(unit / "outbox.db")) as db:
        rows = db.execute("SELECT feed, seq FROM reads ORDER BY id").fetchall()
    numbers = {feed: [seq for found, seq in rows if found == feed] for feed in FEEDS}
    charging, police = numbers["charging"], numbers["police"]
    assert (len(charging), len(police)) == (5, 5)
    assert abs(charging[0] - police[0]) > 5
    assert min(charging[0], police[0]) > 5


def test_two_feeds_have_only_the_units_name_and_boot_in_common() -> None:
    """What recipients see of one read, joined by identifiers: nothing. What it says is the same read."""
    sealer = CoseSealer(UnitIdentity("london", "unit-0042", BOOT), signer(), FEEDS)
    one = envelope.parse(sealer.seal(READ, "charging", 7, b"1" * 32).blob)
    other = envelope.parse(sealer.seal(READ, "police", 3, b"2" * 32).blob)
    fields = [name for name in HEADER.__slots__ if getattr(one, name) == getattr(other, name)]
    assert fields == ["version", "fleet", "unit", "boot_id"]
    assert one.encrypted.nonce != other.encrypted.nonce
    names = {
        wire.decode_named_read(one.open(CHARGING)).read_id,
        wire.decode_named_read(other.open(POLICE)).read_id,
    }
    assert len(names) == 2


def test_a_recipient_cannot_change_a_read_for_the_others_of_its_feed() -> None:
    """It has the content key, and may encrypt anything under the same header: the signature is the unit's."""
    keys = [recipient("recipient one").public, recipient("recipient two").public]
    genuine = envelope.parse(envelope.seal(wire.encode_read(READ), HEADER, keys, signer()))
    false = padding.pad(wire.encode_read(READ, fields=frozenset()))
    payload = encrypt.encrypt(false, keys, bound_to=genuine.signed.protected)
    forged = cbor.encode(
        cbor.Tag(sign1.TAG, [genuine.signed.protected, {}, payload, genuine.signed.signature])
    )
    with pytest.raises(EnvelopeError) as refused:
        envelope.parse(forged).verify(signer().public)
    assert refused.value.kind is Refusal.SIGNATURE


def test_an_insider_cannot_sign_another_units_read_as_its_own() -> None:
    """With a signing key of his own he puts a stranger's ciphertext under his header: nobody opens it."""
    insider = SigningKey.generate()
    stolen = envelope.parse(sealed())
    own = envelope.parse(envelope.seal(b"", HEADER, [recipient().public], insider))
    blob = sign1.sign(own.signed.protected, stolen.signed.payload, insider)
    found = envelope.parse(blob)
    found.verify(insider.public)
    with pytest.raises(EnvelopeError) as refused:
        found.open(recipient())
    assert refused.value.kind is Refusal.PAYLOAD


@pytest.mark.parametrize("broken", ["x25519", "mlkem"])
def test_breaking_one_half_of_the_hybrid_opens_nothing(broken: str) -> None:
    """Who has one private half, from a quantum computer or a flaw in ML-KEM, still lacks the other."""
    own = recipient("hybrid one")
    encapsulated, wrapped = own.suite.wrap(b"content key", own.public.public, b"info")
    mlkem, x25519 = halves(seed_of("hybrid one"))
    other_mlkem, other_x25519 = halves(seed_of("a guess"))
    guess = (
        MLKEM768X25519PrivateKey(other_mlkem, x25519)
        if broken == "x25519"
        else MLKEM768X25519PrivateKey(mlkem, other_x25519)
    )
    with pytest.raises(InvalidTag):
        hpke.HYBRID.unwrap(encapsulated, wrapped, guess, b"info")
    both = MLKEM768X25519PrivateKey(mlkem, x25519)
    assert hpke.HYBRID.unwrap(encapsulated, wrapped, both, b"info") == b"content key"


def halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hybrid.expanded(seed)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )
