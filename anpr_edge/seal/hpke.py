"""The key-wrapping suites a feed's recipient may have, one row each.

Source: draft-ietf-cose-hpke-23 (key encryption algorithms), draft-ietf-cose-hpke-pq-pqt-01 (the hybrid's
KEM, KDF and AEAD), RFC 9180 (HPKE, base mode, empty aad).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from anpr_edge.seal import xwing

PublicKey = X25519PublicKey | MLKEM768X25519PublicKey
PrivateKey = X25519PrivateKey | MLKEM768X25519PrivateKey


@dataclass(frozen=True)
class HpkeSuite:
    """One way to wrap a key: `name` begins a public key's text, `alg` names it in COSE."""

    name: str
    alg: int
    public_bytes: int
    encapsulated_bytes: int
    algorithms: tuple[KEM, KDF, AEAD]
    public_key: Callable[[bytes], PublicKey]

    @cached_property
    def cipher(self) -> Suite:
        """Made when it is first used: a cryptography package without ML-KEM still does the other suite."""
        return Suite(*self.algorithms)

    def wrap(self, secret: bytes, to: PublicKey, info: bytes) -> tuple[bytes, bytes]:
        """`secret` for `to` alone: the encapsulated key and the wrapped secret."""
        sealed = self.cipher.encrypt(secret, to, info=info)
        return sealed[: self.encapsulated_bytes], sealed[self.encapsulated_bytes :]

    def unwrap(self, encapsulated: bytes, wrapped: bytes, own: PrivateKey, info: bytes) -> bytes:
        """What `wrap` was given. Raises: cryptography's InvalidTag or ValueError when altered."""
        return self.cipher.decrypt(encapsulated + wrapped, own, info=info)


X25519: Final = HpkeSuite(
    name="x25519",
    alg=49,
    public_bytes=32,
    encapsulated_bytes=32,
    algorithms=(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM),
    public_key=X25519PublicKey.from_public_bytes,
)
"""HPKE-3-KE."""

HYBRID: Final = HpkeSuite(
    name="mlkem768-x25519",
    alg=-65538,
    public_bytes=xwing.PUBLIC_BYTES,
    encapsulated_bytes=xwing.ENCAPSULATED_BYTES,
    algorithms=(KEM.MLKEM768_X25519, KDF.SHAKE256, AEAD.AES_256_GCM),
    public_key=xwing.public_key,
)
"""HPKE-9-KE, under a private-use number until one is assigned: what is recorded today stays closed later.

Source: RFC 9052 §11.1 and the COSE Algorithms registry (below -65536 is for private use).
"""

SUITES: Final = {suite.name: suite for suite in (X25519, HYBRID)}
SUITES_BY_ALG: Final = {suite.alg: suite for suite in SUITES.values()}
