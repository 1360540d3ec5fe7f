"""Vectors of acknowledgements: good ones, and bad ones with exactly one fault each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cbor2

from tests.vectors.case import flipped, nth, without
from tests.vectors.cases_good import GOOD
from tests.vectors.recipe import bake, encode, kid, unbent
from tests.vectors.signing import signing

CENTRE, TPM_CENTRE = "centre", "tpm centre"
FIELDS: dict[int, Any] = {
    1: 1,
    2: "london",
    3: "unit-0042",
    4: "charging",
    5: 12,
    6: [[3, 4], [9, 9]],
    7: 1_790_000_000_000_000_000,
    8: kid(signing("unit").public),
}
Bend = Callable[[Any], Any]


@dataclass(frozen=True)
class AckCase:
    """One file; the defaults give a good acknowledgement."""

    name: str
    about: str
    expect: str = "opens"
    fields: dict[int, Any] = field(default_factory=lambda: dict(FIELDS))
    signer: str = CENTRE
    verify_with: str = CENTRE
    bend_protected: Bend = unbent
    """of the protected map"""
    bend_payload: Bend = unbent
    """of the payload's bytes, before they are signed"""
    bend_sign1: Bend = unbent
    """of the COSE_Sign1 array, after it is signed"""
    bend_blob: Bend = unbent
    """of the finished bytes"""


def message(case: AckCase) -> bytes:
    """The acknowledgement's bytes."""
    key, own = signing(case.signer), signing(case.verify_with)
    protected = encode(case.bend_protected({1: own.alg, 4: kid(own.public), 16: "application/anpr-ack+cose"}))
    payload = case.bend_payload(encode(case.fields))
    signature = key.sign(encode(["Signature1", protected, b"", payload]))
    parts = case.bend_sign1([protected, {}, payload, signature])
    return bytes(case.bend_blob(encode(cbor2.CBORTag(18, parts))))


def _with(changes: dict[int, Any]) -> dict[int, Any]:
    return {**FIELDS, **changes}


ACKS = (
    AckCase("good", "Everything up to 12, but for 3, 4 and 9."),
    AckCase("good-no-gap", "Everything up to 12.", fields=_with({6: []})),
    AckCase("good-nothing", "Nothing has arrived.", fields=_with({5: 0, 6: []})),
    AckCase("good-highest", "The highest numbers there are.", fields=_with({5: 2**63 - 1, 7: 2**63 - 1})),
    AckCase("good-p256", "Signed with ECDSA P-256.", signer=TPM_CENTRE, verify_with=TPM_CENTRE),
    AckCase("good-gap-above", "A gap above the watermark is offered again too.", fields=_with({5: 2})),
    AckCase("shape-truncated", "The last byte is missing.", "malformed", bend_blob=lambda b: b[:-1]),
    AckCase("shape-trailing", "One byte too many.", "trailing-bytes", bend_blob=lambda b: b + b"\0"),
    AckCase("shape-oversize", "Longer than 65536 bytes.", "oversize", bend_payload=lambda _: bytes(65_536)),
    AckCase("shape-untagged", "COSE_Sign1 without its tag.", "malformed", bend_blob=lambda b: b[1:]),
    AckCase(
        "header-no-type",
        "No typ: it could be anything that the key signs.",
        "header",
        bend_protected=lambda p: without(p, 16),
    ),
    AckCase(
        "header-type",
        "Another typ.",
        "header",
        bend_protected=lambda p: {**p, 16: "application/anpr-policy+cose"},
    ),
    AckCase("header-kid", "Another key's kid.", "header", bend_protected=lambda p: {**p, 4: bytes(8)}),
    AckCase("header-algorithm", "EdDSA (-8).", "header", bend_protected=lambda p: {**p, 1: -8}),
    AckCase(
        "header-unsigned-label",
        "A label in the unprotected bucket.",
        "header",
        bend_sign1=nth(1, {4: bytes(8)}),
    ),
    AckCase(
        "header-sealed-read",
        "A sealed read, signed by the unit.",
        "header",
        bend_blob=lambda _: bake(GOOD[0].recipe),
    ),
    AckCase("signature-other-key", "Signed by the unit, not the centre.", "signature", signer="unit"),
    AckCase(
        "signature-flipped",
        "One bit of the signature changed.",
        "signature",
        bend_blob=lambda b: flipped(b, -1),
    ),
    AckCase("signature-short", "A signature of 63 bytes.", "signature", bend_sign1=nth(3, lambda s: s[:-1])),
    AckCase("field-version", "Version 2.", "version", fields=_with({1: 2})),
    AckCase("field-missing", "No watermark.", "malformed", fields=without(FIELDS, 5)),
    AckCase("field-unknown", "A ninth field.", "malformed", fields=_with({9: 0})),
    AckCase("field-name", "A feed's name with a slash in it.", "malformed", fields=_with({4: "a/b"})),
    AckCase("field-watermark", "A watermark of 2^63.", "malformed", fields=_with({5: 2**63})),
    AckCase("field-watermark-float", "A watermark as a float.", "malformed", fields=_with({5: 12.5})),
    AckCase("field-unit-kid", "A unit's kid of 7 bytes.", "malformed", fields=_with({8: bytes(7)})),
    AckCase("field-no-unit-kid", "No unit's kid.", "malformed", fields=without(FIELDS, 8)),
    AckCase("gaps-order", "Gaps in the wrong order.", "malformed", fields=_with({6: [[9, 9], [3, 4]]})),
    AckCase("gaps-overlap", "Gaps that overlap.", "malformed", fields=_with({6: [[3, 5], [5, 6]]})),
    AckCase("gaps-backward", "A gap that ends before it begins.", "malformed", fields=_with({6: [[4, 3]]})),
    AckCase("gaps-zero", "A gap from 0.", "malformed", fields=_with({6: [[0, 1]]})),
    AckCase("gaps-triple", "A gap of three numbers.", "malformed", fields=_with({6: [[3, 4, 5]]})),
    AckCase(
        "gaps-too-many",
        "1001 gaps.",
        "malformed",
        fields=_with({6: [[number, number] for number in range(1, 2003, 2)]}),
    ),
    AckCase(
        "payload-trailing",
        "One byte too many in the payload.",
        "trailing-bytes",
        bend_payload=lambda p: p + b"\0",
    ),
)
