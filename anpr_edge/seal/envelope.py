"""A sealed read: signed by its unit, encrypted for its feed's recipients, numbered and chained.

`COSE_Sign1(clear header, COSE_Encrypt(padded record))`. The ciphertext is bound to the clear header,
so that nobody can put another unit's read under a header of his own. See docs/wire-format.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.seal import encrypt, padding, sign1
from anpr_edge.seal import header as headers
from anpr_edge.seal.header import CHAIN_START, FORMAT_VERSION, ClearHeader
from anpr_edge.seal.keys import RecipientKey, RecipientPrivateKey, Signer, VerifyKey

__all__ = ["CHAIN_START", "FORMAT_VERSION", "LONGEST_BYTES", "ClearHeader", "Envelope"]
__all__ += ["envelope_hash", "parse", "seal"]

LONGEST_BYTES = 49_152
"""A sealed read is no longer than this: the largest record for the most recipients fits."""


def envelope_hash(blob: bytes) -> bytes:
    """What the feed's next envelope names as `previous`: SHA-256 of the whole sealed read."""
    return hashlib.sha256(blob).digest()


@dataclass(frozen=True, slots=True)
class Envelope(ClearHeader):
    """A sealed read taken apart. Its fields are claims until `verify` has passed."""

    alg: int
    signer_kid: bytes
    signed: sign1.Sign1
    encrypted: encrypt.Encrypted

    def verify(self, key: VerifyKey) -> None:
        """Pass when `key` signed this envelope. Raises: EnvelopeError (signature)."""
        named = (self.alg, self.signer_kid)
        if named != (key.alg, key.kid) or not self.signed.signed_by(key):
            raise EnvelopeError(Refusal.SIGNATURE, f"{self.name}: not signed by {key.text}")

    def addressed(self, fleet: str, unit: str, feed: str) -> None:
        """Pass when this came by its own topic. Raises: EnvelopeError (wrong-unit, wrong-feed)."""
        if (self.fleet, self.unit) != (fleet, unit):
            raise EnvelopeError(Refusal.WRONG_UNIT, f"{self.name}: came as from {fleet}/{unit}")
        if self.feed != feed:
            raise EnvelopeError(Refusal.WRONG_FEED, f"{self.name}: came in feed {feed}")

    def open(self, key: RecipientPrivateKey) -> bytes:
        """The encoded record, which `wire.decode_read` reads.

        Raises: EnvelopeError (not-a-recipient, payload).
        """
        return padding.unpad(self.encrypted.open(key, bound_to=self.signed.protected))

    @property
    def name(self) -> str:
        """What to call this envelope in a message: `fleet/unit/feed#seq`."""
        return f"{self.fleet}/{self.unit}/{self.feed}#{self.seq}"

    def __repr__(self) -> str:
        return f"Envelope({self.name})"


def seal(record: bytes, header: ClearHeader, recipients: Sequence[RecipientKey], key: Signer) -> bytes:
    """Pad, encrypt, bind and sign one encoded record.

    Raises: SealError when the record, the header or the recipients are beyond their limits.
    """
    protected = headers.encode(header, key.public)
    ciphertext = encrypt.encrypt(padding.pad(record), recipients, bound_to=protected)
    return sign1.sign(protected, ciphertext, key)


def parse(blob: bytes) -> Envelope:
    """Take a sealed read apart; only the one encoding of one is taken.

    Raises: EnvelopeError (oversize, malformed, trailing-bytes, version, header, signature).
    """
    signed = sign1.parse(blob, LONGEST_BYTES, "the envelope")
    header, alg, signer_kid = headers.decode(signed.protected)
    return Envelope(
        version=header.version,
        fleet=header.fleet,
        unit=header.unit,
        feed=header.feed,
        boot_id=header.boot_id,
        seq=header.seq,
        previous=header.previous,
        alg=alg,
        signer_kid=signer_kid,
        signed=signed,
        encrypted=encrypt.parse(signed.payload),
    )
