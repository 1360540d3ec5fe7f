"""How the vectors are signed: Ed25519, or ECDSA P-256 when the signer's name begins with `tpm`.

The same signature every time: RFC 6979 for ECDSA. Nothing of `anpr_edge` signs here.
"""

from __future__ import annotations

import base64
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vectors.keys import seed_of

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256. Source: SEC 2 §2.4.2."""


class Signing(Protocol):
    """A test key: its name in COSE, its public half, and what it signs."""

    alg: int
    prefix: str
    public: bytes

    def sign(self, data: bytes) -> bytes: ...


class _Ed25519:
    alg, prefix = -19, "ed25519"

    def __init__(self, name: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed_of(name))
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class _P256:
    alg, prefix = -9, "p256"

    def __init__(self, name: str) -> None:
        scalar = int.from_bytes(seed_of(name)) % (ORDER - 1) + 1
        self._key = ec.derive_private_key(scalar, ec.SECP256R1())
        self.public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def sign(self, data: bytes) -> bytes:
        signature = self._key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True))
        r, s = decode_dss_signature(signature)
        return r.to_bytes(32) + min(s, ORDER - s).to_bytes(32)


def signing(name: str) -> Signing:
    """The signer of this name."""
    return _P256(name) if name.startswith("tpm") else _Ed25519(name)


def verify_key(name: str = "unit") -> str:
    """The text of a signer's public key."""
    key = signing(name)
    return f"{key.prefix}:{base64.urlsafe_b64encode(key.public).decode().rstrip('=')}"


def other_form(signature: bytes) -> bytes:
    """An ECDSA signature's second form: as true as the first, and never taken."""
    return signature[:32] + (ORDER - int.from_bytes(signature[32:])).to_bytes(32)


def as_der(signature: bytes) -> bytes:
    """An ECDSA signature as certificates have it, some 70 bytes long."""
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
