"""The vectors: good envelopes, and bad ones with exactly one fault each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cbor2

from tests.vectors.keys import recipient
from tests.vectors.recipe import RECORD, Recipe, encode

HYBRID = "hybrid one"
X25519_KID = recipient("recipient one").kid
MIXED = ("recipient one", HYBRID)
TOPIC = "anpr/v1/london/unit-0042/reads/charging"


@dataclass(frozen=True)
class Case:
    """One file: what is in it, and what a reader must do: "opens", or the kind of its refusal."""

    name: str
    about: str
    expect: str
    recipe: Recipe
    topic: str = TOPIC
    opens_with: str = "recipient one"


def flipped(data: bytes, at: int) -> bytes:
    """One bit changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def without(values: dict[int, Any], key: int) -> dict[int, Any]:
    return {k: v for k, v in values.items() if k != key}


def nth(index: int, new: Any) -> Any:
    """Replace one item of a list, by a value or by a function of the old one."""

    def bend(items: list[Any]) -> list[Any]:
        changed = list(items)
        changed[index] = new(items[index]) if callable(new) else new
        return changed

    return bend


def _record(values: dict[int, Any]) -> Recipe:
    return Recipe(record=values)


def _swapped_keys(blob: bytes) -> bytes:
    """The record's first two keys in the wrong order: `a2 01… 02…` becomes `a2 02… 01…`."""
    entries = [encode(key) + encode(value) for key, value in RECORD.items()]
    return blob[:1] + entries[1] + entries[0] + b"".join(entries[2:])


GOOD = (
    Case("good-all-fields", "Every field a read may have.", "opens", Recipe()),
    Case(
        "good-required-fields",
        "Only the fields every read has: the feed may have no other.",
        "opens",
        _record({key: RECORD[key] for key in range(1, 8)}),
    ),
    Case(
        "good-nothing-known",
        "Every field, with null for what the unit does not know; the clock is not synchronised.",
        "opens",
        _record({**RECORD, 5: None, 9: [], 10: None, 11: None, 12: None, 13: None, 14: None}),
    ),
    Case(
        "good-no-fix",
        "A receiver without a fix: a mode, and no place.",
        "opens",
        _record({**RECORD, 14: [1, None, None, None, -250]}),
    ),
    Case(
        "good-two-recipients",
        "Sealed for two; opened by the second.",
        "opens",
        Recipe(recipients=("recipient one", "recipient two")),
        opens_with="recipient two",
    ),
    Case(
        "good-chain-start",
        "The first of a chain: the hash before it is all zeros.",
        "opens",
        Recipe(seq=1, previous=bytes(32)),
    ),
    Case(
        "good-highest-number",
        "The highest sequence number there is.",
        "opens",
        Recipe(seq=2**63 - 1),
    ),
    Case(
        "good-second-bucket",
        "A record of 256 bytes, one too long for the first padding bucket.",
        "opens",
        _record({**RECORD, 15: ["x" * 64, "y" * 53]}),
    ),
    Case(
        "good-hybrid",
        "Sealed for a key of the hybrid suite.",
        "opens",
        Recipe(recipients=(HYBRID,)),
        opens_with=HYBRID,
    ),
    Case(
        "good-mixed-by-x25519",
        "A feed during a migration: sealed for a key of each suite, opened by the X25519 one.",
        "opens",
        Recipe(recipients=MIXED),
    ),
    Case(
        "good-mixed-by-hybrid",
        "A feed during a migration: sealed for a key of each suite, opened by the hybrid one.",
        "opens",
        Recipe(recipients=MIXED),
        opens_with=HYBRID,
    ),
)

SHAPE = (
    Case("shape-empty", "No bytes at all.", "malformed", Recipe(bend_blob=lambda _: b"")),
    Case("shape-truncated", "The last byte is missing.", "malformed", Recipe(bend_blob=lambda b: b[:-1])),
    Case("shape-trailing", "One byte too many.", "trailing-bytes", Recipe(bend_blob=lambda b: b + b"\0")),
    Case(
        "shape-oversize",
        "Longer than 49152 bytes.",
        "oversize",
        Recipe(bend_payload=lambda _: bytes(49_152)),
    ),
    Case("shape-untagged", "COSE_Sign1 without its tag.", "malformed", Recipe(bend_blob=lambda b: b[1:])),
    Case(
        "shape-wrong-tag",
        "COSE_Mac0's tag.",
        "malformed",
        Recipe(bend_blob=lambda b: b"\xd1" + b[1:]),
    ),
    Case(
        "shape-indefinite",
        "The outer array has no definite length.",
        "malformed",
        Recipe(bend_blob=lambda b: b"\xd2\x9f" + b[2:] + b"\xff"),
    ),
    Case(
        "shape-long-number",
        "The signature's length takes three bytes where two do.",
        "malformed",
        Recipe(bend_blob=lambda b: b[:-66] + b"\x59\x00\x40" + b[-64:]),
    ),
    Case(
        "shape-nested",
        "Arrays inside arrays, 200 deep.",
        "malformed",
        Recipe(bend_blob=lambda _: b"\x81" * 200 + b"\0"),
    ),
    Case(
        "shape-huge-length",
        "A byte string that says it is 2^62 bytes long.",
        "malformed",
        Recipe(bend_blob=lambda _: b"\x5b\x40" + bytes(7)),
    ),
)

HEADER = (
    Case("header-version", "Format version 2.", "version", Recipe(bend_clear=lambda c: {**c, 1: 2})),
    Case("header-version-old", "Format version 0.", "version", Recipe(bend_clear=lambda c: {**c, 1: 0})),
    Case(
        "header-unknown-label",
        "A further label in the protected bucket.",
        "header",
        Recipe(bend_protected=lambda p: {**p, 99: 1}),
    ),
    Case(
        "header-critical-label",
        "A critical label nobody knows.",
        "header",
        Recipe(bend_protected=lambda p: {**p, 2: [99], 99: 1}),
    ),
    Case(
        "header-unsigned-label",
        "A label in the unprotected bucket.",
        "header",
        Recipe(bend_sign1=nth(1, {4: bytes(8)})),
    ),
    Case(
        "header-algorithm",
        "EdDSA (-8) in place of Ed25519 (-19).",
        "header",
        Recipe(bend_protected=lambda p: {**p, 1: -8}),
    ),
    Case("header-no-kid", "No kid.", "header", Recipe(bend_protected=lambda p: without(p, 4))),
    Case(
        "header-unknown-field",
        "An eighth field in the clear header.",
        "header",
        Recipe(bend_clear=lambda c: {**c, 8: 0}),
    ),
    Case(
        "header-missing-field",
        "No hash of the envelope before.",
        "header",
        Recipe(bend_clear=lambda c: without(c, 7)),
    ),
    Case("header-number-zero", "Sequence number 0.", "header", Recipe(seq=0)),
    Case("header-number-too-high", "Sequence number 2^63.", "header", Recipe(seq=2**63)),
    Case(
        "header-short-boot-id",
        "A boot id of 15 bytes.",
        "header",
        Recipe(bend_clear=lambda c: {**c, 5: bytes(15)}),
    ),
    Case("header-name", "A unit's name with a slash in it.", "header", Recipe(unit="unit/0042")),
    Case(
        "header-trailing",
        "One byte too many in the protected bucket.",
        "trailing-bytes",
        Recipe(bend_protected_bytes=lambda b: b + b"\0"),
    ),
    Case(
        "header-nonce",
        "A nonce of 11 bytes.",
        "header",
        Recipe(bend_encrypt=nth(1, {5: bytes(11)})),
    ),
    Case("header-no-recipient", "No recipient.", "header", Recipe(recipients=())),
    Case(
        "header-recipient-kid",
        "A recipient's kid of 7 bytes.",
        "header",
        Recipe(bend_recipient=nth(1, lambda u: {**u, 4: bytes(7)})),
    ),
    Case(
        "header-recipient-ek",
        "An encapsulated key of 31 bytes.",
        "header",
        Recipe(bend_recipient=nth(1, lambda u: {**u, -4: bytes(31)})),
    ),
    Case(
        "header-recipient-wrapped",
        "A wrapped key of 47 bytes.",
        "header",
        Recipe(bend_recipient=nth(2, lambda w: w[:-1])),
    ),
    Case(
        "header-recipient-label",
        "A further label in a recipient's unprotected bucket.",
        "header",
        Recipe(bend_recipient=nth(1, lambda u: {**u, 9: 1})),
    ),
    Case(
        "header-kid",
        "The signer's kid of 9 bytes.",
        "header",
        Recipe(bend_protected=lambda p: {**p, 4: bytes(9)}),
    ),
    Case(
        "header-unknown-suite",
        "A recipient with HPKE-4-KE (50).",
        "header",
        Recipe(bend_recipient=nth(0, encode({1: 50}))),
    ),
)

SIGNATURE = (
    Case(
        "signature-flipped",
        "One bit of the signature changed.",
        "signature",
        Recipe(bend_blob=lambda b: flipped(b, -1)),
    ),
    Case("signature-other-key", "Signed by another unit's key.", "signature", Recipe(signer="other unit")),
    Case(
        "signature-number-changed",
        "The sequence number changed after signing.",
        "signature",
        Recipe(bend_sign1=nth(0, lambda h: h.replace(b"\x06\x07\x07", b"\x06\x08\x07"))),
    ),
    Case(
        "signature-payload-changed",
        "One bit of the wrapped key changed after signing.",
        "signature",
        Recipe(bend_sign1=nth(2, lambda p: flipped(p, -1))),
    ),
    Case(
        "signature-short",
        "A signature of 63 bytes.",
        "signature",
        Recipe(bend_sign1=nth(3, lambda s: s[:-1])),
    ),
)

ADDRESS = (
    Case(
        "address-wrong-unit",
        "Published under another unit's topic.",
        "wrong-unit",
        Recipe(),
        topic="anpr/v1/london/unit-0043/reads/charging",
    ),
    Case(
        "address-wrong-feed",
        "Published in another feed.",
        "wrong-feed",
        Recipe(),
        topic="anpr/v1/london/unit-0042/reads/police",
    ),
)

PAYLOAD = (
    Case(
        "recipient-other",
        "Sealed for somebody else.",
        "not-a-recipient",
        Recipe(),
        opens_with="recipient two",
    ),
    Case(
        "payload-flipped",
        "One bit of the ciphertext changed before signing.",
        "payload",
        Recipe(bend_encrypt=nth(2, lambda c: flipped(c, 0))),
    ),
    Case(
        "payload-key-flipped",
        "One bit of the wrapped key changed before signing.",
        "payload",
        Recipe(bend_recipient=nth(2, lambda w: flipped(w, 0))),
    ),
    Case(
        "payload-ek-zero",
        "An encapsulated key of small order.",
        "payload",
        Recipe(bend_recipient=nth(1, lambda u: {**u, -4: bytes(32)})),
    ),
    Case(
        "payload-other-header",
        "The ciphertext of another envelope, signed under this header.",
        "payload",
        Recipe(bend_bound=lambda h: h.replace(b"unit-0042", b"unit-0043")),
    ),
    Case(
        "payload-unbound",
        "A ciphertext bound to no header.",
        "payload",
        Recipe(bend_bound=lambda _: b""),
    ),
    Case(
        "padding-missing",
        "Not padded.",
        "payload",
        Recipe(bend_padded=lambda p: p.rstrip(b"\0")[:-1]),
    ),
    Case(
        "padding-bucket",
        "Padded to 512 bytes where 256 do.",
        "payload",
        Recipe(bend_padded=lambda p: p.ljust(512, b"\0")),
    ),
    Case(
        "padding-not-zero",
        "The padding's last byte is not zero.",
        "payload",
        Recipe(bend_padded=lambda p: flipped(p, -1)),
    ),
    Case("record-unknown-field", "A sixteenth field.", "payload", _record({**RECORD, 16: 0})),
    Case("record-missing-field", "No plate.", "payload", _record(without(RECORD, 2))),
    Case("record-probability", "A probability above 1.", "payload", _record({**RECORD, 3: 10_001})),
    Case("record-float", "A probability as a float.", "payload", _record({**RECORD, 3: 0.9731})),
    Case(
        "record-place",
        "A latitude of 91 degrees.",
        "payload",
        _record({**RECORD, 14: [3, 910_000_000, 0, 0, 0]}),
    ),
    Case("record-not-a-map", "A list.", "payload", Recipe(bend_record=lambda _: encode([1, 2]))),
    Case("record-read-id", "A read id of 15 bytes.", "payload", _record({**RECORD, 1: bytes(15)})),
    Case("record-position", "A position of four values.", "payload", _record({**RECORD, 14: [3, 0, 0, 0]})),
    Case("record-empty-plate", "A plate of no characters.", "payload", _record({**RECORD, 2: ""})),
    Case("record-key-order", "Two keys in the wrong order.", "payload", Recipe(bend_record=_swapped_keys)),
    Case("record-trailing", "One byte too many.", "payload", Recipe(bend_record=lambda r: r + b"\0")),
    Case(
        "record-tag",
        "The first seen time as a tagged date.",
        "payload",
        _record({**RECORD, 4: cbor2.CBORTag(1, 1_790_000_000)}),
    ),
)

HYBRID_FAULTS = (
    Case(
        "hybrid-ek-short",
        "An encapsulated key of 1119 bytes.",
        "header",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(1, lambda u: {**u, -4: u[-4][:-1]})),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-ek-of-x25519",
        "The hybrid's number with an encapsulated key of X25519 alone.",
        "header",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(1, lambda u: {**u, -4: u[-4][-32:]})),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-ek-under-x25519",
        "X25519's number with an encapsulated key of the hybrid.",
        "header",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(0, encode({1: 49}))),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-wrapped-long",
        "A wrapped key of 49 bytes.",
        "header",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(2, lambda w: w + b"\0")),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-number-drafted",
        "The number that a draft suggests for the suite (57), before it is assigned.",
        "header",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(0, encode({1: 57}))),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-second-recipient",
        "A good recipient, and a second one whose encapsulated key is one byte short.",
        "header",
        Recipe(
            recipients=MIXED,
            bend_recipient=nth(1, lambda u: {**u, -4: u[-4][:1119]}),
        ),
    ),
    Case(
        "hybrid-other",
        "Sealed for somebody else's hybrid key.",
        "not-a-recipient",
        Recipe(recipients=("hybrid two",)),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-kid-of-x25519",
        "The X25519 key's kid on a recipient of the hybrid suite.",
        "not-a-recipient",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(1, lambda u: {**u, 4: X25519_KID})),
    ),
    Case(
        "hybrid-ek-mlkem-flipped",
        "One bit of ML-KEM's ciphertext changed before signing.",
        "payload",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(1, lambda u: {**u, -4: flipped(u[-4], 0)})),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-ek-x25519-flipped",
        "One bit of X25519's half of the encapsulated key changed before signing.",
        "payload",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(1, lambda u: {**u, -4: flipped(u[-4], 1088)})),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-ek-zero",
        "X25519's half of the encapsulated key is of small order.",
        "payload",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(1, lambda u: {**u, -4: u[-4][:1088] + bytes(32)})),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-halves-swapped",
        "X25519's half of the encapsulated key before ML-KEM's.",
        "payload",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(1, lambda u: {**u, -4: u[-4][1088:] + u[-4][:1088]})),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-wrapped-flipped",
        "One bit of the wrapped key changed before signing.",
        "payload",
        Recipe(recipients=(HYBRID,), bend_recipient=nth(2, lambda w: flipped(w, 0))),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-info-of-x25519",
        "The wrapped key is bound to the other suite's number.",
        "payload",
        Recipe(
            recipients=(HYBRID,),
            bend_info=lambda _: encode(["HPKE Recipient", 3, encode({1: 49}), b""]),
        ),
        opens_with=HYBRID,
    ),
    Case(
        "hybrid-signature-changed",
        "One bit of the hybrid's wrapped key changed after signing, in a mixed feed.",
        "signature",
        Recipe(recipients=MIXED, bend_sign1=nth(2, lambda p: flipped(p, -1))),
    ),
)

CASES = GOOD + SHAPE + HEADER + SIGNATURE + ADDRESS + PAYLOAD + HYBRID_FAULTS
