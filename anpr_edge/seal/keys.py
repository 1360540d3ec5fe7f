"""The four keys of a feed: the unit signs, anyone verifies; anyone encrypts, the recipient opens.

A public key is one line of text: `x25519:…`, `mlkem768-x25519:…`, `ed25519:…` or `p256:…` (base64url, no
padding). A private key is a PKCS#8 PEM file that nobody but its owner may read, or lies in a TPM (tpm.py).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from anpr_edge.errors import KeyFileError
from anpr_edge.seal import hpke, keyfile, signatures
from anpr_edge.seal.xwing import XWingPrivateKey

KID_BYTES = 8
SECRET_BYTES = 32
"""A recipient's private key of either suite. Source: RFC 7748 §5, draft-connolly-cfrg-xwing-kem-10 §5.2."""

LONGEST_SHOWN = 64


def kid_of(raw: bytes) -> bytes:
    """The name a public key goes by on the wire: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(raw).digest()[:KID_BYTES]


def _split(text: str, sizes: dict[str, int]) -> tuple[str, bytes]:
    """A public key's kind and raw bytes: a kind in `sizes`, written the one way it can be."""
    name, _, body = text.partition(":")
    kinds = [f"{kind}:<{-(-size * 4 // 3)} characters of base64url>" for kind, size in sizes.items()]
    hint = f"a public key looks like {' or '.join(kinds)}"
    if name not in sizes:
        wanted = " or ".join(repr(kind) for kind in sizes)
        raise KeyFileError(f"public key {_shown(text)!r}: begins with {name!r}, not {wanted}", hint=hint)
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        raise KeyFileError(f"public key {_shown(text)!r}: not base64url", hint=hint) from None
    if len(raw) != sizes[name] or _text_from_raw(raw, name) != text:
        raise KeyFileError(f"public key {_shown(text)!r}: not {sizes[name]} bytes of base64url", hint=hint)
    return name, raw


def _text_from_raw(raw: bytes, name: str) -> str:
    return f"{name}:{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}…"


@dataclass(frozen=True)
class RecipientKey:
    """Encrypts to one recipient of a feed; `suite` says how a secret is wrapped for it."""

    suite: hpke.HpkeSuite
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> RecipientKey:
        """The key written as `x25519:…` or `mlkem768-x25519:…`.

        Raises: KeyFileError when it is another kind, malformed, or a point that keeps no secret.
        """
        name, raw = _split(text, {suite.name: suite.public_bytes for suite in hpke.SUITES.values()})
        key = cls(hpke.SUITES[name], raw)
        try:
            key._check()
        except UnsupportedAlgorithm:
            raise KeyFileError(
                f"public key {key.shown!r}: the installed cryptography package has no ML-KEM",
                hint="install version 47 or later from the package index",
            ) from None
        return key

    def _check(self) -> None:
        """Seal something for it: whatever is no key, or keeps no secret, fails. Raises: KeyFileError."""
        try:
            public = self.public
        except ValueError:
            raise KeyFileError(
                f"public key {self.shown!r}: no {self.suite.name} key", hint="copy it again from its owner"
            ) from None
        try:
            self.suite.wrap(b"", public, b"")
        except ValueError:
            # Source: RFC 7748 §6.1: the all-zero shared secret of a small-order point
            raise KeyFileError(
                f"public key {self.shown!r}: a point of small order, which hides nothing"
            ) from None

    @property
    def text(self) -> str:
        """As written in a feed's recipients."""
        return _text_from_raw(self.raw, self.suite.name)

    @property
    def shown(self) -> str:
        """As named in messages: the whole text, or the beginning of a long one."""
        return _shown(self.text)

    @cached_property
    def kid(self) -> bytes:
        return kid_of(self.raw)

    @cached_property
    def public(self) -> hpke.PublicKey:
        return self.suite.public_key(self.raw)

    def __repr__(self) -> str:
        return f"RecipientKey({self.shown})"


class RecipientPrivateKey:
    """Opens what was sealed for its public half. Lives at the recipient, never on a unit."""

    def __init__(self, key: X25519PrivateKey | XWingPrivateKey) -> None:
        self._key = key
        self.private: hpke.PrivateKey
        if isinstance(key, XWingPrivateKey):
            self.private = key.hpke
            self.public = RecipientKey(hpke.HYBRID, key.public_raw)
        else:
            self.private = key
            self.public = RecipientKey(hpke.X25519, key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, suite: hpke.HpkeSuite = hpke.X25519) -> RecipientPrivateKey:
        """A new key."""
        return cls.from_secret(suite, secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def from_secret(cls, suite: hpke.HpkeSuite, secret: bytes) -> RecipientPrivateKey:
        """The key that is these 32 bytes: X25519's scalar, or the hybrid's seed."""
        if suite is hpke.HYBRID:
            return cls(XWingPrivateKey(secret))
        return cls(X25519PrivateKey.from_private_bytes(secret))

    @classmethod
    def load(cls, path: Path) -> RecipientPrivateKey:
        """The key kept at `path`, of either suite. Raises: KeyFileError."""
        key = keyfile.load(path)
        if not isinstance(key, X25519PrivateKey | XWingPrivateKey):
            raise keyfile.wrong_kind(path, "X25519 or X-Wing")
        return cls(key)

    def save(self, path: Path) -> None:
        """Keep the key in a new file only its owner can read. Raises: KeyFileError."""
        keyfile.save(path, self._key)

    @property
    def secret(self) -> bytes:
        """The 32 bytes that `from_secret` makes the key of."""
        key = self._key
        return key.seed if isinstance(key, XWingPrivateKey) else key.private_bytes_raw()

    @property
    def suite(self) -> hpke.HpkeSuite:
        """How a secret is unwrapped with this key."""
        return self.public.suite

    @property
    def kid(self) -> bytes:
        return self.public.kid

    def __repr__(self) -> str:
        return f"RecipientPrivateKey(of {self.public.shown})"


@dataclass(frozen=True)
class VerifyKey:
    """Tells whether its private half signed something; `suite` says how it signs."""

    suite: signatures.SignatureSuite
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> VerifyKey:
        """The key written as `ed25519:…` or `p256:…`. Raises: KeyFileError."""
        name, raw = _split(text, {suite.name: suite.public_bytes for suite in signatures.SUITES.values()})
        key = cls(signatures.SUITES[name], raw)
        try:
            key._verify  # noqa: B018
        except ValueError:
            hint = "copy it again from its owner"
            raise KeyFileError(f"public key {text!r}: no {name} key", hint=hint) from None
        return key

    @classmethod
    def load(cls, path: Path) -> VerifyKey:
        """The key whose text is all there is at `path`. Raises: KeyFileError."""
        try:
            return cls.parse(path.read_text(encoding="ascii").strip())
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror}", hint="anpr-edge init writes it") from None
        except UnicodeDecodeError:
            raise KeyFileError(f"{path}: not a public key", hint="anpr-edge init writes it") from None
        except KeyFileError as error:
            raise KeyFileError(f"{path}: {error}", hint=error.hint) from None

    @property
    def text(self) -> str:
        """As written in a configuration or a unit list."""
        return _text_from_raw(self.raw, self.suite.name)

    @property
    def alg(self) -> int:
        """How it is named in a header of what it signed."""
        return self.suite.alg

    @cached_property
    def kid(self) -> bytes:
        return kid_of(self.raw)

    @cached_property
    def _verify(self) -> Callable[[bytes, bytes], bool]:
        return self.suite.verifier(self.raw)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is this key's over `data`."""
        return self._verify(signature, data)

    def __repr__(self) -> str:
        return f"VerifyKey({self.text})"


class Signer(Protocol):
    """Signs a unit's reads, a centre's acknowledgements or an authority's policies, wherever its key lies."""

    @property
    def public(self) -> VerifyKey:
        """What verifies its signatures."""

    @property
    def kid(self) -> bytes:
        """What its public half goes by on the wire."""

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`. Raises: SignerUnavailable when the key is out of reach now."""

    def close(self) -> None:
        """Let go of what holds the key; harmless when called twice."""


class SigningKey:
    """A signer whose key, of Ed25519, is in this process's memory."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = VerifyKey(signatures.ED25519, private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path, passphrase: keyfile.Passphrase | None = None) -> SigningKey:
        """The key kept at `path`; `passphrase` is asked if the file is under one. Raises: KeyFileError."""
        private = keyfile.load(path, passphrase)
        if not isinstance(private, Ed25519PrivateKey):
            raise keyfile.wrong_kind(path, "Ed25519")
        return cls(private)

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Keep the key in a new file only its owner can read, under a passphrase if one is given.

        Raises: KeyFileError.
        """
        keyfile.save_protected(path, self._private, passphrase)

    @property
    def kid(self) -> bytes:
        return self.public.kid

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`."""
        return self._private.sign(data)

    def close(self) -> None:
        """Nothing to let go of."""

    def __repr__(self) -> str:
        return f"SigningKey(of {self.public.text})"
