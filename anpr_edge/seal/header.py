"""What a sealed read says in the clear, signed: who sent it, to which feed, and its place in the chain.

No plate, no hash of one, no time. See docs/wire-format.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, cast

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.seal import cbor, sign1
from anpr_edge.seal.keys import KID_BYTES, VerifyKey
from anpr_edge.seal.signatures import ALGS

FORMAT_VERSION: Final = 1
CHAIN_START: Final = bytes(32)
"""`previous` of an envelope that has none before it."""

BOOT_ID_BYTES: Final = 16
HASH_BYTES: Final = 32
HIGHEST_SEQ: Final = 2**63 - 1

LABEL: Final = -65537
"""Our one header label, from the private-use range. Source: RFC 9052 §11.1 (IANA COSE registry)."""

COSE_ENCRYPT_CONTENT: Final = 96
"""Content type of the signed bytes: application/cose; cose-type="cose-encrypt". Source: RFC 9052 §11.3.2."""

VERSION, FLEET, UNIT, FEED, BOOT_ID, SEQ, PREVIOUS = range(1, 8)

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A fleet's, unit's or feed's name: it is also one level of a topic."""

_LABELS = {sign1.ALG, sign1.CONTENT_TYPE, sign1.KID, LABEL}
_FIELDS = set(range(VERSION, PREVIOUS + 1))


@dataclass(frozen=True, slots=True)
class ClearHeader:
    """The clear part of a sealed read."""

    version: int
    fleet: str
    unit: str
    feed: str
    boot_id: bytes
    seq: int
    previous: bytes


def encode(header: ClearHeader, signer: VerifyKey) -> bytes:
    """The protected bucket that carries `header`, signed by `signer`.

    Raises: SealError when a field is out of its limits.
    """
    fields = {
        VERSION: header.version,
        FLEET: header.fleet,
        UNIT: header.unit,
        FEED: header.feed,
        BOOT_ID: header.boot_id,
        SEQ: header.seq,
        PREVIOUS: header.previous,
    }
    wrong = _first_wrong(cast("dict[int | str, cbor.Value]", fields))
    if wrong:
        raise SealError(f"a sealed read's header: {wrong}")
    return cbor.encode(
        {
            sign1.ALG: signer.alg,
            sign1.CONTENT_TYPE: COSE_ENCRYPT_CONTENT,
            sign1.KID: signer.kid,
            LABEL: fields,
        }
    )


def decode(protected: bytes) -> tuple[ClearHeader, int, bytes]:
    """The clear header, the signature's algorithm and the signer's kid.

    Raises: EnvelopeError (malformed, trailing-bytes, version, header).
    """
    outer = cbor.decode(protected, "the signed header")
    fields = outer.get(LABEL) if isinstance(outer, dict) else None
    if not isinstance(outer, dict) or not isinstance(fields, dict):
        raise EnvelopeError(Refusal.HEADER, f"the signed header: no map under label {LABEL}")
    version = fields.get(VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        raise EnvelopeError(Refusal.HEADER, "the signed header: no version")
    if version != FORMAT_VERSION:
        raise EnvelopeError(Refusal.VERSION, f"format version {version}, not {FORMAT_VERSION}")
    alg, kid = _checked_signer(outer)
    wrong = _first_wrong(fields)
    if wrong:
        raise EnvelopeError(Refusal.HEADER, f"the signed header: {wrong}")
    return ClearHeader(*cast("tuple[int, str, str, str, bytes, int, bytes]", fields.values())), alg, kid


def _checked_signer(outer: dict[int | str, cbor.Value]) -> tuple[int, bytes]:
    if outer.keys() != _LABELS:
        raise EnvelopeError(Refusal.HEADER, "the signed header: labels are not exactly 1, 3, 4 and -65537")
    alg = outer[sign1.ALG]
    if not isinstance(alg, int) or alg not in ALGS or outer[sign1.CONTENT_TYPE] != COSE_ENCRYPT_CONTENT:
        raise EnvelopeError(Refusal.HEADER, "the signed header: another algorithm or content type")
    kid = outer[sign1.KID]
    if not isinstance(kid, bytes) or len(kid) != KID_BYTES:
        raise EnvelopeError(Refusal.HEADER, f"the signed header: kid is not {KID_BYTES} bytes")
    return alg, kid


def _first_wrong(fields: dict[int | str, cbor.Value]) -> str:
    """What is wrong with the clear fields, or nothing."""
    if fields.keys() != _FIELDS:
        return "fields are not exactly 1 to 7"
    for field, name in ((FLEET, "fleet"), (UNIT, "unit"), (FEED, "feed")):
        value = fields[field]
        if not isinstance(value, str) or not NAME.fullmatch(value):
            return f"{name} is not a name of 1 to 64 letters, digits, dots, dashes or underscores"
    for field, name, size in ((BOOT_ID, "boot id", BOOT_ID_BYTES), (PREVIOUS, "previous hash", HASH_BYTES)):
        value = fields[field]
        if not isinstance(value, bytes) or len(value) != size:
            return f"{name} is not {size} bytes"
    seq = fields[SEQ]
    if not _is_int(seq) or not 1 <= cast("int", seq) <= HIGHEST_SEQ:
        return "sequence number is not from 1 to 2^63 - 1"
    return ""


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
