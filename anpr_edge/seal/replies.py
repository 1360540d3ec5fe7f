"""A unit's replies to commands, signed with its TLS key: whoever holds the authority's certificate can check.

The uplink has no other key, and a reply is its word. The payload is JSON: nothing acts on a reply, people and
scripts read it. See docs/commands.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from anpr_edge.errors import EnvelopeError, KeyFileError, SealError
from anpr_edge.seal import cbor, keyfile, sign1
from anpr_edge.seal.certificates import Certificate, of_parsed, read_certificate
from anpr_edge.seal.keys import VerifyKey, kid_of
from anpr_edge.seal.signatures import P256, p256_signature_of_der

LONGEST_BYTES: Final = 32_768
REPLY_TYPE: Final = "application/anpr-reply+cose"
X5CHAIN: Final = 33
"""The signer's certificate, DER. Source: RFC 9360 §2."""

REPLY_SCHEMA: Final = 1
WHAT: Final = "the reply"


class ReplySigner:
    """Signs with the unit's TLS key and certificate.

    Raises: KeyFileError when either cannot be used, or they do not belong together.
    """

    def __init__(self, key_file: Path, cert_file: Path) -> None:
        key = keyfile.load(key_file)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise keyfile.wrong_kind(key_file, "ECDSA P-256")
        self._key = key
        certificate = read_certificate(cert_file).parsed
        if certificate.public_key() != key.public_key():
            raise KeyFileError(f"{cert_file} is for another key than {key_file}")
        self.public = _verify_key(key.public_key())
        self._protected = _protected(self.public, certificate.public_bytes(Encoding.DER))

    @property
    def kid(self) -> bytes:
        return self.public.kid

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`."""
        return p256_signature_of_der(self._key.sign(data, ec.ECDSA(SHA256())))

    def close(self) -> None:
        """Nothing to let go of."""

    def reply(self, document: Mapping[str, Any]) -> bytes:
        """The signed reply. Raises: SealError when it is too long."""
        blob = sign1.sign(self._protected, json.dumps(document, ensure_ascii=False).encode(), self)
        if len(blob) > LONGEST_BYTES:
            raise SealError(f"{WHAT}: {len(blob)} bytes, at most {LONGEST_BYTES}")
        return blob


def open_reply(blob: bytes, authority: Certificate, unit: str) -> dict[str, Any]:
    """What `unit` said, when its certificate is the `authority`'s and its key signed.

    Raises: SealError saying why it is not believed.
    """
    try:
        signed = sign1.parse(blob, LONGEST_BYTES, WHAT)
        header = cbor.decode(signed.protected, WHAT)
    except EnvelopeError as error:
        raise SealError(str(error)) from None
    der = header.get(X5CHAIN) if isinstance(header, dict) else None
    if not isinstance(der, bytes):
        raise SealError(f"{WHAT} names no certificate")
    try:
        certificate = of_parsed(x509.load_der_x509_certificate(der))
        public = certificate.parsed.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise SealError(f"{WHAT} names no certificate") from None
    if certificate.common_name != unit or not certificate.is_issued_by(authority):
        raise SealError(f"{WHAT} is not signed by unit {unit} of this fleet")
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise SealError(f"{WHAT} is not signed with ECDSA P-256")
    key = _verify_key(public)
    if signed.protected != _protected(key, der) or not signed.signed_by(key):
        raise SealError(f"{WHAT}: its signature does not hold")
    return _document(signed.payload)


def _document(payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError:
        raise SealError(f"{WHAT} holds no JSON") from None
    if not isinstance(document, dict) or document.get("schema") != REPLY_SCHEMA:
        raise SealError(f"{WHAT} is not of schema {REPLY_SCHEMA}")
    return document


def _verify_key(public: ec.EllipticCurvePublicKey) -> VerifyKey:
    return VerifyKey(P256, public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))


def _protected(key: VerifyKey, certificate: bytes) -> bytes:
    header = {sign1.ALG: key.alg, sign1.KID: kid_of(key.raw), sign1.TYP: REPLY_TYPE, X5CHAIN: certificate}
    return cbor.encode(header)
