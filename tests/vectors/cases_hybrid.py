"""Faults of the hybrid suite, and of feeds that mix both."""

from __future__ import annotations

from tests.vectors.case import HYBRID, MIXED, Case, flipped, nth
from tests.vectors.keys import recipient
from tests.vectors.recipe import Recipe, encode

X25519_KID = recipient("recipient one").kid

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
