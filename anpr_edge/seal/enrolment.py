"""Enrolling with a token: what a unit asks, and how the workshop knows that the token's holder asks it.

The token is 32 random bytes that are in the unit's bundle alone. An Ed25519 key is made of it, and the
password for the broker's enrolment listener: the workshop keeps that key's public half and the broker a hash
of that password, and neither can be made into the token again. See docs/bundle.md.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anpr_edge.errors import EnvelopeError, KeyFileError, SealError
from anpr_edge.seal import cbor, sign1
from anpr_edge.seal.keys import SigningKey, VerifyKey
from anpr_edge.seal.manifest import NAME

TOKEN_BYTES: Final = 32
LONGEST_BYTES: Final = 8192
LONGEST_CSR: Final = 4096
REQUEST_TYPE: Final = "application/anpr-enrolment+cose"
"""Keeps a request from passing for anything else its key may sign. Source: RFC 9596."""

FORMAT_VERSION: Final = 1
FORMAT, FLEET, UNIT, CSR, VERIFY = range(1, 6)
WHAT: Final = "the enrolment request"

_KEY: Final = b"anpr-edge enrolment: signing key\0"
_PASSWORD: Final = b"anpr-edge enrolment: broker password\0"


def make_token() -> bytes:
    """A new token."""
    return secrets.token_bytes(TOKEN_BYTES)


def token_key(token: bytes) -> SigningKey:
    """The key that a token's holder signs its request with."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(_KEY + token).digest()))


def broker_password(token: bytes) -> str:
    """What a token's holder shows the broker."""
    return hashlib.sha256(_PASSWORD + token).hexdigest()


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """Who asks for a certificate: the request itself, PEM, and the key that verifies the unit's reads."""

    fleet: str
    unit: str
    csr_pem: bytes
    verify_key: VerifyKey

    @property
    def sha256(self) -> str:
        """By what the workshop knows the same request again."""
        return hashlib.sha256(self.csr_pem).hexdigest()


def sign_request(request: EnrolmentRequest, token: bytes) -> bytes:
    """The request as it is published."""
    key = token_key(token)
    values = {
        FORMAT: FORMAT_VERSION,
        FLEET: request.fleet,
        UNIT: request.unit,
        CSR: request.csr_pem,
        VERIFY: request.verify_key.text,
    }
    return sign1.sign(_protected(key.public), cbor.encode(values), key)


def open_request(blob: bytes, key: VerifyKey, fleet: str, unit: str) -> EnrolmentRequest:
    """The request of a unit, when its token's key signed it. Raises: SealError saying why it is refused."""
    try:
        signed = sign1.parse(blob, LONGEST_BYTES, WHAT)
        if signed.protected != _protected(key) or not signed.signed_by(key):
            raise SealError(f"{WHAT} is not signed with this unit's token")
        values = cbor.decode(signed.payload, WHAT)
    except EnvelopeError as error:
        raise SealError(str(error)) from None
    match values:
        case {1: 1, 2: str(named), 3: str(asking), 4: bytes(csr), 5: str(verify), **rest} if not rest:
            pass
        case _:
            raise SealError(f"{WHAT} is malformed")
    if (named, asking) != (fleet, unit) or not NAME.fullmatch(asking):
        raise SealError(f"{WHAT} is for another unit than the topic it came by")
    if len(csr) > LONGEST_CSR:
        raise SealError(f"{WHAT}: a certificate request of {len(csr)} bytes, at most {LONGEST_CSR}")
    try:
        return EnrolmentRequest(named, asking, csr, VerifyKey.parse(verify))
    except KeyFileError as error:
        raise SealError(f"{WHAT}: {error}") from None


def _protected(key: VerifyKey) -> bytes:
    return cbor.encode({sign1.ALG: key.alg, sign1.KID: key.kid, sign1.TYP: REQUEST_TYPE})
