"""One signature over a header and a payload: COSE_Sign1, in one fixed shape.

Source: RFC 9052 §4.2 and §4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.seal import cbor
from anpr_edge.seal.keys import Signer, VerifyKey
from anpr_edge.seal.signatures import SIGNATURE_BYTES

TAG: Final = 18

ALG: Final = 1
CONTENT_TYPE: Final = 3
KID: Final = 4
TYP: Final = 16
"""Header labels. Source: RFC 9052 §3.1, RFC 9596."""

_CONTEXT = cbor.encode("Signature1")
_NO_AAD = cbor.encode(b"")


@dataclass(frozen=True, slots=True)
class Sign1:
    """A signed message whose signature nobody has checked yet."""

    protected: bytes
    payload: bytes
    signature: bytes

    def signed_by(self, key: VerifyKey) -> bool:
        """Whether `key` signed exactly this header and payload."""
        return key.verify(self.signature, _to_be_signed(self.protected, self.payload))


def sign(protected: bytes, payload: bytes, key: Signer) -> bytes:
    """The encoded message; `protected` must name `key` in its own alg and kid."""
    signature = key.sign(_to_be_signed(protected, payload))
    return cbor.encode(cbor.Tag(TAG, [protected, {}, payload, signature]))


def parse(blob: bytes, longest: int, what: str) -> Sign1:
    """Take a message apart, believing nothing in it.

    Raises: EnvelopeError (oversize, malformed, trailing-bytes, header).
    """
    if len(blob) > longest:
        raise EnvelopeError(Refusal.OVERSIZE, f"{what}: {len(blob)} bytes, at most {longest}")
    match cbor.decode(blob, what):
        case cbor.Tag(18, [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]):
            pass
        case _:
            raise EnvelopeError(Refusal.MALFORMED, f"{what}: not a COSE_Sign1 message")
    if unprotected:
        raise EnvelopeError(Refusal.HEADER, f"{what}: has unsigned headers")
    if len(signature) != SIGNATURE_BYTES:
        raise EnvelopeError(Refusal.SIGNATURE, f"{what}: a signature of {len(signature)} bytes, not 64")
    return Sign1(protected, payload, signature)


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return cbor.array(_CONTEXT, cbor.byte_string(protected), _NO_AAD, cbor.byte_string(payload))
