"""X-Wing, the hybrid of ML-KEM-768 and X25519: its keys as bytes and as PKCS#8.

Whoever would open what is sealed for such a key has to break both. The private key is one seed of 32
bytes; its PKCS#8 form is the only one there is, so that exactly this form is read.

Source: draft-connolly-cfrg-xwing-kem-10 §5.2 (keys) and appendix D (PKCS#8); the same KEM is
MLKEM768-X25519 of draft-irtf-cfrg-concrete-hybrid-kems and KEM 0x647A of draft-ietf-hpke-pq.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

SEED_BYTES: Final = 32
MLKEM_PUBLIC_BYTES: Final = 1184
"""Source: FIPS 203 §8, table 3."""

PUBLIC_BYTES: Final = MLKEM_PUBLIC_BYTES + 32
ENCAPSULATED_BYTES: Final = 1088 + 32

_MLKEM_SEED_BYTES: Final = 64
_PKCS8: Final = bytes.fromhex("3034020100300d060b2b0601040183e62d81c87a0420")
"""All of the DER before the seed: version 0, OID 1.3.6.1.4.1.62253.25722, an octet string of 32 bytes."""

_LINE: Final = 64
"""Source: RFC 7468 §2."""


@dataclass(frozen=True, repr=False)
class XWingPrivateKey:
    """The private key that `seed` expands to."""

    seed: bytes

    @cached_property
    def _halves(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        expanded = hashlib.shake_256(self.seed).digest(_MLKEM_SEED_BYTES + 32)
        return (
            MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_BYTES]),
            X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_BYTES:]),
        )

    @cached_property
    def hpke(self) -> MLKEM768X25519PrivateKey:
        """The key as HPKE takes it."""
        return MLKEM768X25519PrivateKey(*self._halves)

    @cached_property
    def public_raw(self) -> bytes:
        """The public key: ML-KEM's 1184 bytes, then X25519's 32."""
        mlkem, x25519 = self._halves
        return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()

    def pem(self) -> bytes:
        """The key as PKCS#8 PEM."""
        text = base64.b64encode(_PKCS8 + self.seed)
        lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
        return b"\n".join([b"-----BEGIN PRIVATE KEY-----", *lines, b"-----END PRIVATE KEY-----", b""])

    @classmethod
    def from_pem(cls, pem: bytes) -> XWingPrivateKey | None:
        """The key in a PEM file that `pem` could have written; None when it is something else."""
        try:
            key = cls.from_der(base64.b64decode(b"".join(pem.splitlines()[1:-1]), validate=True))
        except ValueError:
            return None
        return key if key is not None and key.pem() == pem else None

    @classmethod
    def from_der(cls, der: bytes) -> XWingPrivateKey | None:
        """The key in PKCS#8 DER; None when it is something else."""
        return cls(der[-SEED_BYTES:]) if der[:-SEED_BYTES] == _PKCS8 else None


def public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    """The public key in its 1216 bytes. Raises: ValueError when it is none."""
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(raw[:MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(raw[MLKEM_PUBLIC_BYTES:]),
    )
