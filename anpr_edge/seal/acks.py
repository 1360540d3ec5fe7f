"""What a feed's centre has stored, signed by it: a unit forgets reads on nothing less.

It names the signing key whose reads it covers: numbers begin again with a unit that is set up anew, and what
the centre said of the old ones must not count for the new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.seal import cbor, sign1
from anpr_edge.seal.header import HIGHEST_SEQ, NAME
from anpr_edge.seal.keys import KID_BYTES, Signer, VerifyKey

LONGEST_BYTES: Final = 65_536
MOST_GAPS: Final = 1000
"""An acknowledgement names no more gaps than this; the next one names the rest."""

ACK_VERSION: Final = 1
ACK_TYPE: Final = "application/anpr-ack+cose"
"""Keeps an acknowledgement from passing for anything else its key may sign. Source: RFC 9596."""

VERSION, FLEET, UNIT, FEED, WATERMARK, GAPS, ISSUED, UNIT_KID = range(1, 9)


@dataclass(frozen=True, slots=True)
class Ack:
    """The centre has every read of the feed up to `watermark`, but for `gaps` (first, last).

    Only those that the unit signed with the key of `unit_kid`.
    """

    fleet: str
    unit: str
    feed: str
    watermark: int
    gaps: tuple[tuple[int, int], ...]
    issued_utc_ns: int
    unit_kid: bytes


def sign_ack(ack: Ack, key: Signer) -> bytes:
    """The acknowledgement as it goes down. Raises: SealError when a field is out of its limits."""
    wrong = _first_wrong(ack)
    if wrong:
        raise SealError(f"an acknowledgement: {wrong}")
    fields = {
        VERSION: ACK_VERSION,
        FLEET: ack.fleet,
        UNIT: ack.unit,
        FEED: ack.feed,
        WATERMARK: ack.watermark,
        GAPS: [list(gap) for gap in ack.gaps],
        ISSUED: ack.issued_utc_ns,
        UNIT_KID: ack.unit_kid,
    }
    return sign1.sign(_protected(key.public), cbor.encode(fields), key)


def open_ack(blob: bytes, key: VerifyKey) -> Ack:
    """The acknowledgement, when `key` signed it; whose it is stays for the caller to compare.

    Raises: EnvelopeError (oversize, malformed, trailing-bytes, header, signature, version).
    """
    signed = sign1.parse(blob, LONGEST_BYTES, "the acknowledgement")
    if signed.protected != _protected(key):
        raise EnvelopeError(Refusal.HEADER, "the acknowledgement: header is not this key's")
    if not signed.signed_by(key):
        raise EnvelopeError(Refusal.SIGNATURE, f"the acknowledgement: not signed by {key.text}")
    return _decode(signed.payload)


def _protected(key: VerifyKey) -> bytes:
    return cbor.encode({sign1.ALG: key.alg, sign1.KID: key.kid, sign1.TYP: ACK_TYPE})


def _decode(payload: bytes) -> Ack:
    fields = cbor.decode(payload, "the acknowledgement")
    if not isinstance(fields, dict) or fields.keys() != set(range(VERSION, UNIT_KID + 1)):
        raise EnvelopeError(Refusal.MALFORMED, "the acknowledgement: fields are not exactly 1 to 8")
    if not _is_int(fields[VERSION]) or fields[VERSION] != ACK_VERSION:
        raise EnvelopeError(Refusal.VERSION, f"the acknowledgement: not version {ACK_VERSION}")
    match list(fields.values()):
        case [_, str(fleet), str(unit), str(feed), int(mark), list(gaps), int(issued), bytes(kid)]:
            pairs = tuple(tuple(gap) if isinstance(gap, list) else () for gap in gaps)
            ack = Ack(fleet, unit, feed, mark, cast("tuple[tuple[int, int], ...]", pairs), issued, kid)
        case _:
            raise EnvelopeError(Refusal.MALFORMED, "the acknowledgement: a field of the wrong kind")
    wrong = _first_wrong(ack)
    if wrong:
        raise EnvelopeError(Refusal.MALFORMED, f"the acknowledgement: {wrong}")
    return ack


def _first_wrong(ack: Ack) -> str:
    """What is wrong with the fields, or nothing."""
    if not all(NAME.fullmatch(name) for name in (ack.fleet, ack.unit, ack.feed)):
        return "fleet, unit or feed is not a name"
    if not _is_int(ack.watermark) or not 0 <= ack.watermark <= HIGHEST_SEQ:
        return "watermark is not from 0 to 2^63 - 1"
    if not _is_int(ack.issued_utc_ns) or not 0 <= ack.issued_utc_ns <= HIGHEST_SEQ:
        return "time of issue is not from 0 to 2^63 - 1"
    if len(ack.unit_kid) != KID_BYTES:
        return f"the unit's kid is not {KID_BYTES} bytes"
    return _first_wrong_gap(ack.gaps)


def _first_wrong_gap(gaps: tuple[tuple[int, int], ...]) -> str:
    if len(gaps) > MOST_GAPS:
        return f"{len(gaps)} gaps, at most {MOST_GAPS}"
    before = 0
    for gap in gaps:
        if len(gap) != 2 or not all(_is_int(end) for end in gap):
            return "a gap is not a first and a last number"
        if not before < gap[0] <= gap[1] <= HIGHEST_SEQ:
            return "gaps overlap or are out of order"
        before = gap[1]
    return ""


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
