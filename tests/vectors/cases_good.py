"""Vectors that open."""

from __future__ import annotations

from tests.vectors.case import HYBRID, MIXED, TPM, Case, record
from tests.vectors.recipe import RECORD, Recipe

GOOD = (
    Case("good-all-fields", "Every field a read may have.", "opens", Recipe()),
    Case(
        "good-required-fields",
        "Only the fields every read has: the feed may have no other.",
        "opens",
        record({key: RECORD[key] for key in range(1, 8)}),
    ),
    Case(
        "good-nothing-known",
        "Every field, with null for what the unit does not know; the clock is not synchronised.",
        "opens",
        record({**RECORD, 5: None, 9: [], 10: None, 11: None, 12: None, 13: None, 14: None}),
    ),
    Case(
        "good-no-fix",
        "A receiver without a fix: a mode, and no place.",
        "opens",
        record({**RECORD, 14: [1, None, None, None, -250]}),
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
        "good-p256",
        "Signed with ECDSA P-256, as by a key in a TPM.",
        "opens",
        Recipe(signer=TPM),
        verify_with=TPM,
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
        record({**RECORD, 15: ["x" * 64, "y" * 53]}),
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
