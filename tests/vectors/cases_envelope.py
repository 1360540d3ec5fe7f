"""Vectors that are refused before anything is opened: shape, headers, signature, address."""

from __future__ import annotations

from tests.vectors.case import TPM, Case, flipped, nth, without
from tests.vectors.recipe import Recipe, encode
from tests.vectors.signing import as_der, other_form

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
        "signature-kid",
        "Signed by the unit's key, with another one's kid.",
        "signature",
        Recipe(bend_protected=lambda p: {**p, 4: bytes(8)}),
    ),
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
    Case(
        "signature-p256-flipped",
        "One bit of an ECDSA signature changed.",
        "signature",
        Recipe(signer=TPM, bend_blob=lambda b: flipped(b, -1)),
        verify_with=TPM,
    ),
    Case(
        "signature-p256-other-form",
        "An ECDSA signature with the higher S: as true as the other, and not the one that is taken.",
        "signature",
        Recipe(signer=TPM, bend_sign1=nth(3, other_form)),
        verify_with=TPM,
    ),
    Case(
        "signature-p256-zero",
        "An ECDSA signature of zeros.",
        "signature",
        Recipe(signer=TPM, bend_sign1=nth(3, bytes(64))),
        verify_with=TPM,
    ),
    Case(
        "signature-p256-der",
        "An ECDSA signature in DER.",
        "signature",
        Recipe(signer=TPM, bend_sign1=nth(3, as_der)),
        verify_with=TPM,
    ),
    Case(
        "signature-p256-other-key",
        "Signed by another unit's key of P-256.",
        "signature",
        Recipe(signer="tpm of another unit"),
        verify_with=TPM,
    ),
    Case(
        "signature-p256-under-ed25519",
        "Signed with ECDSA P-256, and the header says Ed25519.",
        "signature",
        Recipe(signer=TPM, bend_protected=lambda p: {**p, 1: -19}),
        verify_with=TPM,
    ),
    Case(
        "signature-ed25519-under-p256",
        "Signed with Ed25519, and the header says ECDSA P-256.",
        "signature",
        Recipe(bend_protected=lambda p: {**p, 1: -9}),
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
