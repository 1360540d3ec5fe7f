"""The key-wrapping suites a feed's recipient may have, one row each.

Source: draft-ietf-cose-hpke-23 (key encryption algorithms), RFC 9180 (HPKE, base mode, empty aad).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite


@dataclass(frozen=True, slots=True)
class HpkeSuite:
    """One way to wrap a key: `name` begins a public key's text, `alg` names it in COSE."""

    name: str
    alg: int
    encapsulated_bytes: int
    cipher: Suite

    def wrap(self, secret: bytes, to: X25519PublicKey, info: bytes) -> tuple[bytes, bytes]:
        """`secret` for `to` alone: the encapsulated key and the wrapped secret."""
        sealed = self.cipher.encrypt(secret, to, info=info)
        return sealed[: self.encapsulated_bytes], sealed[self.encapsulated_bytes :]

    def unwrap(self, encapsulated: bytes, wrapped: bytes, own: X25519PrivateKey, info: bytes) -> bytes:
        """What `wrap` was given. Raises: cryptography's InvalidTag or ValueError when altered."""
        return self.cipher.decrypt(encapsulated + wrapped, own, info=info)


X25519: Final = HpkeSuite("x25519", 49, 32, Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM))
"""HPKE-3-KE."""

SUITES: Final = {suite.name: suite for suite in (X25519,)}
SUITES_BY_ALG: Final = {suite.alg: suite for suite in SUITES.values()}
