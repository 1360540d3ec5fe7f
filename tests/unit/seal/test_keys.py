"""Keys as text and in files."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from anpr_edge.errors import KeyFileError
from anpr_edge.seal import hpke
from anpr_edge.seal.keys import RecipientKey, RecipientPrivateKey, SigningKey, VerifyKey
from tests.vectors.keys import recipient, signer
from tests.vectors.signing import signing, verify_key


@pytest.mark.parametrize("name", ["recipient one", "hybrid one"])
def test_a_recipients_key_comes_back_from_its_text(name: str) -> None:
    key = recipient(name).public
    assert RecipientKey.parse(key.text) == key
    assert key.text.startswith(f"{key.suite.name}:")


@pytest.mark.parametrize("name", ["unit", "tpm unit"])
def test_a_verifying_key_comes_back_from_its_text(name: str) -> None:
    key = VerifyKey.parse(verify_key(name))
    assert key.text == verify_key(name)
    assert (key.alg, key.raw) == (signing(name).alg, signing(name).public)
    assert key.verify(signing(name).sign(b"data"), b"data")
    assert not key.verify(signing(name).sign(b"data"), b"other data")


@pytest.mark.parametrize("first", [b"\x02", b"\x04", b"\x00"])
def test_bytes_that_are_no_point_of_p256_are_refused(first: bytes) -> None:
    """An x that no point has, the lead byte of a longer form, and none at all."""
    raw = first + bytes(31) + b"\x07"
    with pytest.raises(KeyFileError, match="no p256 key"):
        VerifyKey.parse("p256:" + base64.urlsafe_b64encode(raw).decode())


def test_a_key_is_named_by_the_hash_of_its_bytes() -> None:
    assert recipient().kid == recipient().public.kid != recipient("recipient two").kid
    assert len(signer().kid) == 8


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with"),
        (signer().public.text, "begins with 'ed25519'"),
        ("x25519:", "not 32 bytes"),
        ("x25519:" + "A" * 42, "not 32 bytes"),
        ("x25519:" + "A" * 41, "not base64url"),
        ("mlkem768-" + recipient().public.text, "not 1216 bytes"),
        (recipient("hybrid").public.text + "A", "not 1216 bytes"),
        (recipient("hybrid").public.text[:-1], "not base64url"),
        (recipient().public.text + "=", "not 32 bytes"),
        (recipient().public.text[:-1] + "!", "base64url"),
        (" " + recipient().public.text, "begins with"),
        ("x25519:" + "_" * 42 + "/", "base64url"),
        ("x25519:" + "é" * 43, "base64url"),
    ],
)
def test_a_malformed_public_key_is_refused(text: str, why: str) -> None:
    with pytest.raises(KeyFileError, match=why) as refused:
        RecipientKey.parse(text)
    assert "x25519:<43 characters" in refused.value.hint


def test_bytes_that_are_no_hybrid_key_are_refused() -> None:
    """Coefficients beyond ML-KEM's modulus. Source: FIPS 203 §7.2."""
    with pytest.raises(KeyFileError, match="no mlkem768-x25519 key"):
        RecipientKey.parse("mlkem768-x25519:" + "_" * 1621 + "w")


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
@pytest.mark.parametrize("name", ["recipient one", "hybrid one"])
def test_a_recipient_that_keeps_no_secret_is_refused(name: str, point: bytes) -> None:
    """Of a hybrid key the half that is X25519's: each half has to hold when the other is broken."""
    key = recipient(name).public
    raw = key.raw[:-32] + point
    text = f"{key.suite.name}:" + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    with pytest.raises(KeyFileError, match="small order"):
        RecipientKey.parse(text)


def test_a_signing_key_comes_back_from_its_file(tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "key.pem")

    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert SigningKey.load(tmp_path / "key.pem").public == key.public


@pytest.mark.parametrize("suite", hpke.SUITES.values(), ids=lambda suite: suite.name)
def test_a_recipients_private_key_comes_back_from_its_file(suite: hpke.HpkeSuite, tmp_path: Path) -> None:
    key = RecipientPrivateKey.generate(suite)
    key.save(tmp_path / "key.pem")
    found = RecipientPrivateKey.load(tmp_path / "key.pem")

    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert (found.public, found.suite) == (key.public, suite)


def test_a_hybrid_key_is_kept_in_the_form_its_draft_gives(tmp_path: Path) -> None:
    """Source: draft-connolly-cfrg-xwing-kem-10 appendix D, the private key of the seed 00 01 … 1f."""
    RecipientPrivateKey.from_secret(hpke.HYBRID, bytes(range(32))).save(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").read_text() == (
        "-----BEGIN PRIVATE KEY-----\n"
        "MDQCAQAwDQYLKwYBBAGD5i2ByHoEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZ\n"
        "GhscHR4f\n"
        "-----END PRIVATE KEY-----\n"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"MDQC", b"MDUC"),
        (b"BAGD5i2ByHo", b"BAGD5i2ByHs"),
        (b"HR4f\n", b"HR4fAA==\n"),
        (b"GhscHR4f", b"GhscHR4"),
        (b"\nGhsc", b" \nGhsc"),
        (b"PRIVATE KEY-----\nMD", b"X-WING PRIVATE KEY-----\nMD"),
        (b"-----END PRIVATE KEY-----\n", b""),
        (b"-----END PRIVATE KEY-----\n", b"-----END PRIVATE KEY-----\nx"),
    ],
)
def test_a_hybrid_key_in_any_other_form_is_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    file = tmp_path / "key.pem"
    RecipientPrivateKey.from_secret(hpke.HYBRID, bytes(range(32))).save(file)
    pem = file.read_bytes()
    assert old in pem
    file.write_bytes(pem.replace(old, new))
    with pytest.raises(KeyFileError, match="not an unencrypted PKCS#8"):
        RecipientPrivateKey.load(file)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_hybrid_key_others_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    recipient("hybrid one").save(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}"):
        RecipientPrivateKey.load(tmp_path / "key.pem")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path / "key.pem")
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        SigningKey.generate().save(tmp_path / "key.pem")
    assert (tmp_path / "key.pem").read_bytes() == before


def test_a_key_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file") as refused:
        SigningKey.generate().save(tmp_path / "nowhere" / "key.pem")
    assert "directory" in refused.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_others_can_get_at_is_refused(tmp_path: Path, mode: int) -> None:
    SigningKey.generate().save(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}") as refused:
        SigningKey.load(tmp_path / "key.pem")
    assert refused.value.hint.startswith("chmod 600")


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    RecipientPrivateKey.generate().save(tmp_path / "key.pem")
    with pytest.raises(KeyFileError, match="not an Ed25519 key"):
        SigningKey.load(tmp_path / "key.pem")
    SigningKey.generate().save(tmp_path / "sign.pem")
    with pytest.raises(KeyFileError, match="not an X25519 or X-Wing key"):
        RecipientPrivateKey.load(tmp_path / "sign.pem")
    other = tmp_path / "other.pem"
    pem = Ed448PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    other.write_bytes(pem)
    other.chmod(0o600)
    with pytest.raises(KeyFileError, match="under a passphrase"):
        RecipientPrivateKey.load(other)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(KeyFileError, match="not an unencrypted PKCS#8"):
        SigningKey.load(file)


def test_a_missing_key_says_where(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"sign\.pem: No such file"):
        SigningKey.load(tmp_path / "sign.pem")


def test_no_private_key_shows_in_a_repr() -> None:
    assert signer().public.text in repr(signer())
    assert recipient().public.text in repr(recipient())
    hybrid = recipient("hybrid one")
    assert len(repr(hybrid)) < 100
    assert repr(hybrid).startswith("RecipientPrivateKey(of mlkem768-x25519:")


def test_a_signature_is_over_exactly_these_bytes() -> None:
    signature = signer().sign(b"data")
    assert signer().public.verify(signature, b"data")
    assert not signer().public.verify(signature, b"date")
    assert not signer("other unit").public.verify(signature, b"data")
    assert not signer().public.verify(signature[:-1], b"data")
