"""Test keys, each made from its name: never use one for anything else.

The private bytes are SHA-256 of `anpr-edge test vectors: ` and the name, for X25519 and Ed25519 alike.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey


def seed_of(name: str) -> bytes:
    """32 bytes that everybody knows."""
    return hashlib.sha256(f"anpr-edge test vectors: {name}".encode()).digest()


def recipient(name: str = "recipient one") -> RecipientPrivateKey:
    """The recipient's key of this name."""
    return RecipientPrivateKey(X25519PrivateKey.from_private_bytes(seed_of(name)))


def signer(name: str = "unit") -> SigningKey:
    """The signing key of this name."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed_of(name)))
