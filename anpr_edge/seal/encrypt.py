"""One ciphertext, any number of recipients: COSE_Encrypt with AES-256-GCM and HPKE.

Source: RFC 9052 §5.1 and §5.3, RFC 9053 §4.1, draft-ietf-cose-hpke-23 (key encryption,
Recipient_structure as HPKE info, empty HPKE aad).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.seal import cbor
from anpr_edge.seal.hpke import SUITES_BY_ALG
from anpr_edge.seal.keys import KID_BYTES, RecipientKey, RecipientPrivateKey

TAG: Final = 96
A256GCM: Final = 3
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
GCM_TAG_BYTES: Final = 16
MOST_RECIPIENTS: Final = 32

ALG: Final = 1
KID: Final = 4
IV: Final = 5
EK: Final = -4
"""Header labels. Source: RFC 9052 §3.1; -4 is draft-ietf-cose-hpke-23's encapsulated key."""

_PROTECTED = cbor.encode({ALG: A256GCM})
_CONTEXT = cbor.encode("Encrypt")
_ENCODED_PROTECTED = cbor.encode(_PROTECTED)
_RECIPIENT_PROTECTED = {alg: cbor.encode({ALG: alg}) for alg in SUITES_BY_ALG}
_SUITE_OF = {_RECIPIENT_PROTECTED[alg]: suite for alg, suite in SUITES_BY_ALG.items()}
_INFO = {
    alg: cbor.encode(["HPKE Recipient", A256GCM, protected, b""])
    for alg, protected in _RECIPIENT_PROTECTED.items()
}
"""HPKE's info: the draft's Recipient_structure, which binds the suite and the content algorithm."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The content key, wrapped for the key that `kid` names."""

    alg: int
    kid: bytes
    encapsulated: bytes
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A ciphertext taken apart."""

    nonce: bytes
    ciphertext: bytes
    recipients: tuple[Recipient, ...]

    def open(self, key: RecipientPrivateKey, bound_to: bytes) -> bytes:
        """The plaintext, when it was sealed for `key` and together with `bound_to`.

        Raises: EnvelopeError (not-a-recipient, payload).
        """
        for recipient in self.recipients:
            if recipient.kid == key.kid and recipient.alg == key.suite.alg:
                return self._open_as(recipient, key, bound_to)
        raise EnvelopeError(
            Refusal.NOT_A_RECIPIENT,
            f"sealed for {len(self.recipients)} other key(s), not for {key.public.shown}",
            hint="open it with a key of this feed's recipients",
        )

    def _open_as(self, recipient: Recipient, key: RecipientPrivateKey, bound_to: bytes) -> bytes:
        try:
            content_key = key.suite.unwrap(
                recipient.encapsulated, recipient.wrapped, key.private, _INFO[recipient.alg]
            )
            return AESGCM(content_key).decrypt(self.nonce, self.ciphertext, _aad(bound_to))
        except (InvalidTag, ValueError):
            raise EnvelopeError(
                Refusal.PAYLOAD, "the ciphertext or its wrapped key is not what was sealed"
            ) from None


def encrypt(plaintext: bytes, recipients: Sequence[RecipientKey], bound_to: bytes) -> bytes:
    """Encrypt once, wrap the key for each recipient; opening needs the same `bound_to`.

    Raises: SealError when there is no recipient or there are too many.
    """
    if not 1 <= len(recipients) <= MOST_RECIPIENTS:
        raise SealError(f"{len(recipients)} recipients, from 1 to {MOST_RECIPIENTS} can be sealed for")
    content_key = secrets.token_bytes(KEY_BYTES)
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = AESGCM(content_key).encrypt(nonce, plaintext, _aad(bound_to))
    wrapped: list[cbor.Value] = [_wrap(content_key, recipient) for recipient in recipients]
    return cbor.encode(cbor.Tag(TAG, [_PROTECTED, {IV: nonce}, ciphertext, wrapped]))


def _wrap(content_key: bytes, to: RecipientKey) -> cbor.Value:
    encapsulated, wrapped = to.suite.wrap(content_key, to.public, _INFO[to.suite.alg])
    return [_RECIPIENT_PROTECTED[to.suite.alg], {KID: to.kid, EK: encapsulated}, wrapped]


def parse(encoded: bytes) -> Encrypted:
    """Take a ciphertext apart, in the one shape it has.

    Raises: EnvelopeError (malformed, trailing-bytes, header).
    """
    match cbor.decode(encoded, "the ciphertext"):
        case cbor.Tag(96, [bytes(protected), dict(unprotected), bytes(ciphertext), list(recipients)]):
            pass
        case _:
            raise EnvelopeError(Refusal.MALFORMED, "the ciphertext: not a COSE_Encrypt message")
    nonce = unprotected.get(IV)
    if protected != _PROTECTED or unprotected.keys() != {IV}:
        raise EnvelopeError(Refusal.HEADER, "the ciphertext: headers other than A256GCM and its nonce")
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise EnvelopeError(Refusal.HEADER, f"the ciphertext: nonce is not {NONCE_BYTES} bytes")
    if not 1 <= len(recipients) <= MOST_RECIPIENTS:
        raise EnvelopeError(Refusal.HEADER, f"the ciphertext: recipients are not 1 to {MOST_RECIPIENTS}")
    return Encrypted(nonce, ciphertext, tuple(_parse_recipient(item) for item in recipients))


def _parse_recipient(item: cbor.Value) -> Recipient:
    match item:
        case [bytes(protected), dict(unprotected), bytes(wrapped)]:
            pass
        case _:
            raise EnvelopeError(Refusal.MALFORMED, "a recipient: not a COSE_recipient structure")
    suite = _SUITE_OF.get(protected)
    if suite is None or unprotected.keys() != {KID, EK}:
        raise EnvelopeError(Refusal.HEADER, "a recipient: headers other than a known suite, kid and ek")
    kid, encapsulated = unprotected[KID], unprotected[EK]
    if not isinstance(kid, bytes) or len(kid) != KID_BYTES:
        raise EnvelopeError(Refusal.HEADER, f"a recipient: kid is not {KID_BYTES} bytes")
    if not isinstance(encapsulated, bytes) or len(encapsulated) != suite.encapsulated_bytes:
        raise EnvelopeError(Refusal.HEADER, f"a recipient: ek is not {suite.encapsulated_bytes} bytes")
    if len(wrapped) != KEY_BYTES + GCM_TAG_BYTES:
        raise EnvelopeError(Refusal.HEADER, f"a recipient: wrapped key of {len(wrapped)} bytes, not 48")
    return Recipient(suite.alg, kid, encapsulated, wrapped)


def _aad(bound_to: bytes) -> bytes:
    return cbor.array(_CONTEXT, _ENCODED_PROTECTED, cbor.byte_string(bound_to))
