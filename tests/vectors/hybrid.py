"""The hybrid suite a second time, for making vectors: X-Wing and HPKE with a SHAKE256 key schedule.

Built on kyber-py, which takes its randomness from the caller, and on X25519, hashlib and AES-GCM.
Source: draft-connolly-cfrg-xwing-kem-10 §5, draft-ietf-hpke-pq-05 §5, RFC 9180 §5.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from kyber_py.ml_kem import ML_KEM_768

XWING_LABEL = b"\\.//^\\"
KEM, KDF, AEAD = 0x647A, 0x0011, 0x0002
"""MLKEM768-X25519, SHAKE256, AES-256-GCM."""

KEY_BYTES, NONCE_BYTES, EXPORTER_BYTES = 32, 12, 64


@dataclass(frozen=True)
class Encapsulated:
    """A shared secret, and what carries it to the recipient."""

    secret: bytes
    carrier: bytes


def expanded(seed: bytes) -> bytes:
    """ML-KEM's 64 bytes of seed and X25519's private key."""
    return hashlib.shake_256(seed).digest(96)


def public_raw(seed: bytes) -> bytes:
    """The public key of the private key `seed`."""
    secret = expanded(seed)
    mlkem, _ = ML_KEM_768.key_derive(secret[:64])
    x25519 = X25519PrivateKey.from_private_bytes(secret[64:]).public_key()
    return bytes(mlkem) + x25519.public_bytes_raw()


def encapsulate(public: bytes, randomness: bytes) -> Encapsulated:
    """A secret for `public` from 64 bytes of randomness."""
    once = X25519PrivateKey.from_private_bytes(randomness[32:])
    own = public[1184:]
    mlkem_secret, mlkem_carrier = ML_KEM_768._encaps_internal(public[:1184], randomness[:32])
    carrier = once.public_key().public_bytes_raw()
    shared = once.exchange(X25519PublicKey.from_public_bytes(own))
    secret = hashlib.sha3_256(mlkem_secret + shared + carrier + own + XWING_LABEL).digest()
    return Encapsulated(secret, mlkem_carrier + carrier)


def schedule(secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """The key and nonce of base mode, in one stage."""
    suite = b"HPKE" + b"".join(number.to_bytes(2) for number in (KEM, KDF, AEAD))
    length = KEY_BYTES + NONCE_BYTES + EXPORTER_BYTES
    secrets = _prefixed(b"") + _prefixed(secret)
    context = b"\0" + _prefixed(b"") + _prefixed(info)
    labelled = b"HPKE-v1" + suite + _prefixed(b"secret") + length.to_bytes(2)
    derived = hashlib.shake_256(secrets + labelled + context).digest(length)
    return derived[:KEY_BYTES], derived[KEY_BYTES : KEY_BYTES + NONCE_BYTES]


def wrap(secret: bytes, public: bytes, info: bytes, randomness: bytes) -> tuple[bytes, bytes]:
    """The encapsulated key, and `secret` wrapped for `public`."""
    encapsulated = encapsulate(public, randomness)
    key, nonce = schedule(encapsulated.secret, info)
    return encapsulated.carrier, AESGCM(key).encrypt(nonce, secret, b"")


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data
