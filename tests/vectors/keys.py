"""Test keys, each made from its name: never use one for anything else.

The private bytes are SHA-256 of `anpr-edge test vectors: ` and the name, whatever the kind of key.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anpr_edge.seal import hpke
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey


def seed_of(name: str) -> bytes:
    """32 bytes that everybody knows."""
    return hashlib.sha256(f"anpr-edge test vectors: {name}".encode()).digest()


def suite_of(name: str) -> str:
    """The suite of the recipient's key of this name."""
    return hpke.HYBRID.name if name.startswith("hybrid") else hpke.X25519.name


def recipient(name: str = "recipient one") -> RecipientPrivateKey:
    """The recipient's key of this name: of the hybrid suite when the name begins so."""
    return RecipientPrivateKey.from_secret(hpke.SUITES[suite_of(name)], seed_of(name))


def signer(name: str = "unit") -> SigningKey:
    """The signing key of this name."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed_of(name)))
