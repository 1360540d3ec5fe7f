"""Vectors of commands: good ones, and bad ones with exactly one fault each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cbor2

from tests.vectors.acks import ACKS
from tests.vectors.acks import message as ack_message
from tests.vectors.case import flipped, nth, without
from tests.vectors.recipe import encode, kid, unbent
from tests.vectors.signing import signing

COMMANDER, TPM_COMMANDER = "commander", "tpm commander"
ISSUED = 1_790_000_000
FIELDS: dict[int, Any] = {
    1: 1,
    2: "london",
    3: ["unit-0042"],
    4: [],
    5: 7,
    6: bytes(range(16)),
    7: ISSUED,
    8: ISSUED + 600,
    9: "pause",
    10: {"feed": "charging", "minutes": 30},
}
Bend = Callable[[Any], Any]


@dataclass(frozen=True)
class CommandCase:
    """One file; the defaults give a good command."""

    name: str
    about: str
    expect: str = "opens"
    fields: dict[int, Any] = field(default_factory=lambda: dict(FIELDS))
    signer: str = COMMANDER
    verify_with: str = COMMANDER
    bend_protected: Bend = unbent
    """of the protected map"""
    bend_payload: Bend = unbent
    """of the payload's bytes, before they are signed"""
    bend_sign1: Bend = unbent
    """of the COSE_Sign1 array, after it is signed"""
    bend_blob: Bend = unbent
    """of the finished bytes"""


def command_message(case: CommandCase) -> bytes:
    """The command's bytes."""
    key, own = signing(case.signer), signing(case.verify_with)
    header = {1: own.alg, 4: kid(own.public), 16: "application/anpr-command+cose"}
    protected = encode(case.bend_protected(header))
    payload = case.bend_payload(encode(case.fields))
    signature = key.sign(encode(["Signature1", protected, b"", payload]))
    parts = case.bend_sign1([protected, {}, payload, signature])
    return bytes(case.bend_blob(encode(cbor2.CBORTag(18, parts))))


def _with(changes: dict[int, Any]) -> dict[int, Any]:
    return {**FIELDS, **changes}


def _bad(name: str, about: str, changes: dict[int, Any]) -> CommandCase:
    return CommandCase(name, about, "malformed", fields=_with(changes))


COMMANDS = (
    CommandCase("good", "A feed of one unit is paused."),
    CommandCase("good-fleet", "For every unit of the fleet.", fields=_with({3: []})),
    CommandCase("good-group", "For the units of two groups.", fields=_with({3: [], 4: ["north", "south"]})),
    CommandCase("good-no-arguments", "A ping.", fields=_with({9: "ping", 10: {}})),
    CommandCase("good-highest", "The highest number.", fields=_with({5: 2**53 - 1})),
    CommandCase("good-week", "It lives for a week.", fields=_with({8: ISSUED + 604_800})),
    CommandCase(
        "good-unheard-of", "A name no unit knows is for the unit to refuse.", fields=_with({9: "fly"})
    ),
    CommandCase("good-p256", "Signed with ECDSA P-256.", signer=TPM_COMMANDER, verify_with=TPM_COMMANDER),
    CommandCase("shape-truncated", "The last byte is missing.", "malformed", bend_blob=lambda b: b[:-1]),
    CommandCase("shape-trailing", "One byte too many.", "malformed", bend_blob=lambda b: b + b"\0"),
    CommandCase("shape-oversize", "Longer than 8192 bytes.", "oversize", bend_payload=lambda _: bytes(8192)),
    CommandCase("shape-untagged", "COSE_Sign1 without its tag.", "malformed", bend_blob=lambda b: b[1:]),
    CommandCase("header-no-type", "No typ.", "malformed", bend_protected=lambda p: without(p, 16)),
    CommandCase(
        "header-type",
        "Another typ: a policy of the same key is no command.",
        "malformed",
        bend_protected=lambda p: {**p, 16: "application/anpr-policy+cose"},
    ),
    CommandCase(
        "header-kid", "Another key's kid.", "unknown-key", bend_protected=lambda p: {**p, 4: bytes(8)}
    ),
    CommandCase("header-algorithm", "EdDSA (-8).", "malformed", bend_protected=lambda p: {**p, 1: -8}),
    CommandCase(
        "header-unsigned-label",
        "A label in the unprotected bucket.",
        "malformed",
        bend_sign1=nth(1, {4: bytes(8)}),
    ),
    CommandCase(
        "header-acknowledgement",
        "An acknowledgement, signed by a centre.",
        "malformed",
        bend_blob=lambda _: ack_message(ACKS[0]),
    ),
    CommandCase("signature-other-key", "Signed by the unit.", "signature", signer="unit"),
    CommandCase(
        "signature-flipped", "One bit of it changed.", "signature", bend_blob=lambda b: flipped(b, -1)
    ),
    CommandCase("signature-short", "63 bytes of it.", "malformed", bend_sign1=nth(3, lambda s: s[:-1])),
    CommandCase(
        "signature-payload-changed",
        "The payload changed after it was signed.",
        "signature",
        bend_sign1=nth(2, lambda _: encode(_with({5: 8}))),
    ),
    _bad("field-format", "Format 2.", {1: 2}),
    CommandCase("field-missing", "No number.", "malformed", fields=without(FIELDS, 5)),
    _bad("field-unknown", "An eleventh field.", {11: 0}),
    _bad("field-fleet", "A fleet's name with a slash in it.", {2: "a/b"}),
    _bad("field-units-order", "Units out of order.", {3: ["unit-0043", "unit-0042"]}),
    _bad("field-units-twice", "A unit twice.", {3: ["unit-0042", "unit-0042"]}),
    _bad("field-units-many", "101 units.", {3: [f"unit-{n:04d}" for n in range(101)]}),
    _bad("field-group", "A group that is no name.", {4: ["+"]}),
    _bad("field-number-zero", "Number 0.", {5: 0}),
    _bad("field-number-large", "Number 2^53.", {5: 2**53}),
    _bad("field-number-float", "A number as a float.", {5: 7.5}),
    _bad("field-request", "A request of 15 bytes.", {6: bytes(15)}),
    _bad("field-expires-before", "It expires as it is issued.", {8: ISSUED}),
    _bad("field-expires-late", "It lives for longer than a week.", {8: ISSUED + 604_801}),
    _bad("field-name", "A command's name with a wildcard.", {9: "#"}),
    _bad("arguments-list", "Arguments as a list.", {10: ["feed", "charging"]}),
    _bad("arguments-many", "Nine arguments.", {10: {f"a{n}": n for n in range(9)}}),
    _bad("arguments-value", "An argument that is a list.", {10: {"feed": ["charging"]}}),
    _bad("arguments-bool", "An argument that is true.", {10: {"feed": True}}),
    _bad("arguments-long", "An argument of 201 bytes.", {10: {"feed": "x" * 201}}),
    _bad("arguments-control", "An argument with a line end in it.", {10: {"feed": "a\nb"}}),
    CommandCase(
        "payload-trailing", "One byte too many in it.", "malformed", bend_payload=lambda p: p + b"\0"
    ),
)
