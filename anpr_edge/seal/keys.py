"""The four keys of a feed: the unit signs, anyone verifies; anyone encrypts, the recipient opens.

A public key is one line of text, `x25519:…` or `ed25519:…` (base64url, no padding). A private key is a
PKCS#8 PEM file that nobody but its owner may read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from anpr_edge.errors import KeyFileError
from anpr_edge.seal import hpke, keyfile

KID_BYTES = 8
RAW_BYTES = 32
"""An X25519 or Ed25519 public key. Source: RFC 7748 §5, RFC 8032 §5.1.5."""


def kid_of(raw: bytes) -> bytes:
    """The name a public key goes by on the wire: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(raw).digest()[:KID_BYTES]


def _raw_from_text(text: str, prefix: str) -> bytes:
    shown = text if len(text) <= 64 else text[:61] + "…"
    hint = f"a public key looks like {prefix}:<43 characters of base64url>"
    name, _, body = text.partition(":")
    if name != prefix:
        raise KeyFileError(f"public key {shown!r}: begins with {name!r}, not {prefix!r}", hint=hint)
    try:
        raw = base64.urlsafe_b64decode(body + "=")
    except (binascii.Error, ValueError):
        raise KeyFileError(f"public key {shown!r}: not base64url", hint=hint) from None
    if len(raw) != RAW_BYTES or _text_from_raw(raw, prefix) != text:
        raise KeyFileError(f"public key {shown!r}: not {RAW_BYTES} bytes of base64url", hint=hint)
    return raw


def _text_from_raw(raw: bytes, prefix: str) -> str:
    return f"{prefix}:{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


@dataclass(frozen=True)
class RecipientKey:
    """Encrypts to one recipient of a feed."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> RecipientKey:
        """The key written as `x25519:…`.

        Raises: KeyFileError when it is another kind, malformed, or a point that keeps no secret.
        """
        key = cls(_raw_from_text(text, hpke.X25519.name))
        try:
            X25519PrivateKey.generate().exchange(key.public)
        except ValueError:
            # Source: RFC 7748 §6.1: the all-zero shared secret of a small-order point
            raise KeyFileError(f"public key {text!r}: a point of small order, which hides nothing") from None
        return key

    @property
    def suite(self) -> hpke.HpkeSuite:
        """How a secret is wrapped for this key."""
        return hpke.X25519

    @property
    def text(self) -> str:
        """As written in a feed's recipients."""
        return _text_from_raw(self.raw, self.suite.name)

    @cached_property
    def kid(self) -> bytes:
        return kid_of(self.raw)

    @cached_property
    def public(self) -> X25519PublicKey:
        return X25519PublicKey.from_public_bytes(self.raw)

    def __repr__(self) -> str:
        return f"RecipientKey({self.text})"


class RecipientPrivateKey:
    """Opens what was sealed for its public half. Lives at the recipient, never on a unit."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self.private = private
        self.public = RecipientKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> RecipientPrivateKey:
        """A new key."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> RecipientPrivateKey:
        """The key kept at `path`. Raises: KeyFileError."""
        private = keyfile.load(path)
        if not isinstance(private, X25519PrivateKey):
            raise keyfile.wrong_kind(path, "X25519")
        return cls(private)

    def save(self, path: Path) -> None:
        """Keep the key in a new file only its owner can read. Raises: KeyFileError."""
        keyfile.save(path, self.private)

    @property
    def suite(self) -> hpke.HpkeSuite:
        """How a secret is unwrapped with this key."""
        return hpke.X25519

    @property
    def kid(self) -> bytes:
        return self.public.kid

    def __repr__(self) -> str:
        return f"RecipientPrivateKey(of {self.public.text})"


@dataclass(frozen=True)
class VerifyKey:
    """Tells whether its private half signed something."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> VerifyKey:
        """The key written as `ed25519:…`. Raises: KeyFileError."""
        return cls(_raw_from_text(text, "ed25519"))

    @property
    def text(self) -> str:
        """As written in a configuration or a unit list."""
        return _text_from_raw(self.raw, "ed25519")

    @cached_property
    def kid(self) -> bytes:
        return kid_of(self.raw)

    @cached_property
    def _public(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is this key's over `data`."""
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def __repr__(self) -> str:
        return f"VerifyKey({self.text})"


class SigningKey:
    """Signs a unit's reads, or a centre's acknowledgements."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = VerifyKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """The key kept at `path`. Raises: KeyFileError."""
        private = keyfile.load(path)
        if not isinstance(private, Ed25519PrivateKey):
            raise keyfile.wrong_kind(path, "Ed25519")
        return cls(private)

    def save(self, path: Path) -> None:
        """Keep the key in a new file only its owner can read. Raises: KeyFileError."""
        keyfile.save(path, self._private)

    @property
    def kid(self) -> bytes:
        return self.public.kid

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`."""
        return self._private.sign(data)

    def __repr__(self) -> str:
        return f"SigningKey(of {self.public.text})"
