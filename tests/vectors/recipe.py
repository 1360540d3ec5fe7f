"""A second implementation of docs/wire-format.md, for making vectors with exactly one fault.

Built on cbor2, pyhpke, kyber-py and AES-GCM; nothing of `anpr_edge` makes an envelope here. `Recipe` holds
every choice a writer has, and each step can be bent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey, KEMKeyPair

from tests.vectors import hybrid
from tests.vectors.keys import seed_of, suite_of
from tests.vectors.signing import signing

Bend = Callable[[Any], Any]

X25519_ALG, HYBRID_ALG = 49, -65538
SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES128_GCM)
BUCKETS = (256, 384, 512, 768, 1024, 2048, 4096)

RECORD: dict[int, Any] = {
    1: bytes(range(16)),
    2: "AB12CDE",
    3: 9731,
    4: 1_790_000_000_123,
    5: 4,
    6: 267,
    7: 8,
    8: [9990, 9985, 9971, 9990, 9991, 9870, 9902],
    9: [["AB12CDF", 61], ["A812CDE", 22]],
    10: "gb:current",
    11: "GB",
    12: 1,
    13: "2",
    14: [3, 515_012_345, -1_412_345, 250, None],
    15: ["detector-1.0.0+0a1b2c3d", "recogniser-1.0.0+4e5f6071"],
}


def unbent(value: Any) -> Any:
    """No fault at this step."""
    return value


@dataclass(frozen=True)
class Recipe:
    """One envelope; the defaults give a good one."""

    record: dict[int, Any] = field(default_factory=lambda: dict(RECORD))
    fleet: str = "london"
    unit: str = "unit-0042"
    feed: str = "charging"
    seq: int = 7
    previous: bytes = hashlib.sha256(b"the envelope before").digest()
    recipients: tuple[str, ...] = ("recipient one",)
    signer: str = "unit"
    bend_record: Bend = unbent
    """of the record's bytes"""
    bend_padded: Bend = unbent
    """of the padded record"""
    bend_bound: Bend = unbent
    """of what the ciphertext is bound to"""
    bend_info: Bend = unbent
    """of what each wrapped key is bound to"""
    bend_recipient: Bend = unbent
    """of each recipient structure"""
    bend_encrypt: Bend = unbent
    """of the COSE_Encrypt array"""
    bend_payload: Bend = unbent
    """of the payload's bytes, before they are signed"""
    bend_clear: Bend = unbent
    """of the clear header's map"""
    bend_protected: Bend = unbent
    """of the protected map"""
    bend_protected_bytes: Bend = unbent
    """of the protected bucket's bytes, before they are signed"""
    bend_sign1: Bend = unbent
    """of the COSE_Sign1 array, after it is signed"""
    bend_blob: Bend = unbent
    """of the finished bytes"""


def encode(value: Any) -> bytes:
    return cbor2.dumps(value, canonical=True)


def kid(raw_public: bytes) -> bytes:
    return hashlib.sha256(raw_public).digest()[:8]


def bake(recipe: Recipe) -> bytes:
    """The envelope's bytes."""
    key = signing(recipe.signer)
    clear = {
        1: 1,
        2: recipe.fleet,
        3: recipe.unit,
        4: recipe.feed,
        5: seed_of("boot")[:16],
        6: recipe.seq,
        7: recipe.previous,
    }
    protected = {
        1: key.alg,
        3: 96,
        4: kid(key.public),
        -65537: recipe.bend_clear(clear),
    }
    header = recipe.bend_protected_bytes(encode(recipe.bend_protected(protected)))
    payload = recipe.bend_payload(_encrypted(recipe, header))
    signature = key.sign(encode(["Signature1", header, b"", payload]))
    message = recipe.bend_sign1([header, {}, payload, signature])
    return bytes(recipe.bend_blob(encode(cbor2.CBORTag(18, message))))


def _encrypted(recipe: Recipe, header: bytes) -> bytes:
    content_key, nonce = seed_of("content key"), seed_of("nonce")[:12]
    protected = encode({1: 3})
    padded = recipe.bend_padded(_padded(recipe.bend_record(encode(recipe.record))))
    aad = encode(["Encrypt", protected, recipe.bend_bound(header)])
    ciphertext = AESGCM(content_key).encrypt(nonce, padded, aad)
    recipients = [
        recipe.bend_recipient(_wrapped(content_key, name, recipe.bend_info)) for name in recipe.recipients
    ]
    return encode(cbor2.CBORTag(96, recipe.bend_encrypt([protected, {5: nonce}, ciphertext, recipients])))


def _wrapped(content_key: bytes, name: str, bend_info: Bend) -> list[Any]:
    wrap, alg = (_wrap_x25519, X25519_ALG) if suite_of(name) == "x25519" else (_wrap_hybrid, HYBRID_ALG)
    protected = encode({1: alg})
    info = bend_info(encode(["HPKE Recipient", 3, protected, b""]))
    public, ek, wrapped = wrap(content_key, name, info)
    return [protected, {4: kid(public), -4: ek}, wrapped]


def _wrap_x25519(content_key: bytes, name: str, info: bytes) -> tuple[bytes, bytes, bytes]:
    public = X25519PrivateKey.from_private_bytes(seed_of(name)).public_key()
    once = X25519PrivateKey.from_private_bytes(seed_of(f"once for {name}"))
    pair = KEMKeyPair(
        KEMKey.from_pyca_cryptography_key(once), KEMKey.from_pyca_cryptography_key(once.public_key())
    )
    ek, context = SUITE.create_sender_context(KEMKey.from_pyca_cryptography_key(public), info=info, eks=pair)
    return public.public_bytes_raw(), ek, context.seal(content_key)


def _wrap_hybrid(content_key: bytes, name: str, info: bytes) -> tuple[bytes, bytes, bytes]:
    public = hybrid.public_raw(seed_of(name))
    randomness = seed_of(f"once for {name}") + seed_of(f"once more for {name}")
    return public, *hybrid.wrap(content_key, public, info, randomness)


def _padded(record: bytes) -> bytes:
    size = next(bucket for bucket in BUCKETS if len(record) < bucket)
    return (record + b"\x80").ljust(size, b"\0")
