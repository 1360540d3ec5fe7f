"""Keys as text and in files."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from anpr_edge.errors import KeyFileError
from anpr_edge.seal.keys import RecipientKey, RecipientPrivateKey, SigningKey, VerifyKey
from tests.vectors.keys import recipient, signer


def test_public_keys_come_back_from_their_text() -> None:
    assert RecipientKey.parse(recipient().public.text) == recipient().public
    assert VerifyKey.parse(signer().public.text) == signer().public


def test_a_key_is_named_by_the_hash_of_its_bytes() -> None:
    assert recipient().kid == recipient().public.kid != recipient("recipient two").kid
    assert len(signer().kid) == 8


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with"),
        (signer().public.text, "begins with 'ed25519'"),
        ("x25519:", "not 32 bytes"),
        ("x25519:" + "A" * 42, "not base64url"),
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


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_recipient_that_keeps_no_secret_is_refused(point: bytes) -> None:
    text = "x25519:" + base64.urlsafe_b64encode(point).decode().rstrip("=")
    with pytest.raises(KeyFileError, match="small order"):
        RecipientKey.parse(text)


@pytest.mark.parametrize("kind", [SigningKey, RecipientPrivateKey])
def test_a_private_key_comes_back_from_its_file(
    kind: type[SigningKey] | type[RecipientPrivateKey], tmp_path: Path
) -> None:
    key = kind.generate()
    key.save(tmp_path / "key.pem")

    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert kind.load(tmp_path / "key.pem").public == key.public


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
    with pytest.raises(KeyFileError, match="not an X25519 key"):
        RecipientPrivateKey.load(tmp_path / "sign.pem")
    other = tmp_path / "other.pem"
    pem = Ed448PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    other.write_bytes(pem)
    other.chmod(0o600)
    with pytest.raises(KeyFileError, match="not an unencrypted"):
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


def test_a_signature_is_over_exactly_these_bytes() -> None:
    signature = signer().sign(b"data")
    assert signer().public.verify(signature, b"data")
    assert not signer().public.verify(signature, b"date")
    assert not signer("other unit").public.verify(signature, b"data")
    assert not signer().public.verify(signature[:-1], b"data")
