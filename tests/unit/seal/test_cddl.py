"""What we write is what docs/read.cddl says, by the validator `pycddl`.

It cannot do `.cbor` inside an array, a range that begins below zero, or a choice of arrays that hold
choices: these are loosened for it here, and each embedded layer is validated by itself. It also takes a
part of a text for a `.regexp`, and any map for `{}`: those two are left to the vectors.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.records import Fix
from anpr_edge.seal import cbor, envelope, wire
from anpr_edge.seal.acks import Ack, sign_ack
from tests.unit.seal.samples import HEADER, READ, sealed
from tests.vectors.cases import CASES
from tests.vectors.keys import recipient, signer
from tests.vectors.recipe import RECORD, bake

pycddl = pytest.importorskip("pycddl", reason="pycddl is not installed: it has no wheel for this processor")

CDDL = (Path(__file__).parents[3] / "docs" / "read.cddl").read_text()


def schema(rule: str) -> Any:
    """The rule of this name, for a validator that knows less."""
    known = re.sub(r"bstr \.cbor (\{[^}]*\}|[a-z-]+)", "bytes", CDDL)
    known = re.sub(r"-\d+\.\.\d+", "int", known).replace("position / null", "any")
    return pycddl.Schema(f"start = {rule}\n{known}")


def layers(blob: bytes) -> list[tuple[str, bytes]]:
    """Each layer of a sealed read that is CBOR by itself, with its rule."""
    found = envelope.parse(blob)
    return [
        ("sealed-read", blob),
        ("signed-header", found.signed.protected),
        ("ciphertext", found.signed.payload),
        ("record", found.open(recipient())),
    ]


def part(blob: bytes, index: int) -> bytes:
    """One of the byte strings of a COSE_Sign1, whatever is in it."""
    message = cbor.decode(blob, "an envelope")
    assert isinstance(message, cbor.Tag)
    assert isinstance(message.value, list)
    found = message.value[index]
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("change", [{}, {"fix": None, "lane": None, "alternatives": ()}])
def test_what_we_seal_is_what_the_cddl_says(change: dict[str, Any]) -> None:
    for rule, encoded in layers(sealed(replace(READ, **change))):
        schema(rule).validate_cbor(encoded)


def test_a_read_for_both_suites_is_what_the_cddl_says() -> None:
    recipients = [recipient("recipient one").public, recipient("hybrid one").public]
    for rule, encoded in layers(envelope.seal(wire.encode_read(READ), HEADER, recipients, signer())):
        schema(rule).validate_cbor(encoded)


@pytest.mark.parametrize("name", ["hybrid-ek-short", "hybrid-wrapped-long", "header-recipient-ek"])
def test_the_cddl_refuses_a_wrong_recipient(name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    with pytest.raises(pycddl.ValidationError):
        schema("ciphertext").validate_cbor(part(bake(case.recipe), 2))


def test_a_record_of_few_fields_is_what_the_cddl_says() -> None:
    schema("record").validate_cbor(wire.encode_read(READ, fields=frozenset()))


@pytest.mark.parametrize("fix", [READ.fix, Fix(1, None, None, None, None), Fix(3, -51.5, -0.1, 3.0, None)])
def test_a_position_is_what_the_cddl_says(fix: Fix) -> None:
    fields = cbor.decode(wire.encode_read(replace(READ, fix=fix)), "the record")
    assert isinstance(fields, dict)
    schema("position").validate_cbor(cbor.encode(fields[wire.Field.FIX]))


def test_an_acknowledgement_is_what_the_cddl_says() -> None:
    blob = sign_ack(
        Ack("london", "unit-0042", "charging", 9, ((1, 2), (5, 5)), 10**18, signer().kid), signer()
    )
    schema("signed-ack").validate_cbor(blob)
    schema("ack").validate_cbor(part(blob, 2))


@pytest.mark.parametrize(
    "change",
    [
        {1: bytes(15)},
        {2: ""},
        {2: "A" * 73},
        {3: 10_001},
        {4: -1},
        {6: None},
        {8: [1, "2"]},
        {9: [["AB12CDE"]]},
        {12: 3},
        {16: 0},
    ],
)
def test_the_cddl_refuses_what_we_refuse(change: dict[int, object]) -> None:
    with pytest.raises(pycddl.ValidationError):
        schema("record").validate_cbor(cbor.encode({**RECORD, **change}))


@pytest.mark.parametrize(
    "name",
    ["shape-untagged", "shape-wrong-tag", "signature-short", "shape-truncated"],
)
def test_the_cddl_refuses_a_wrong_envelope(name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    with pytest.raises(pycddl.ValidationError):
        schema("sealed-read").validate_cbor(bake(case.recipe))


@pytest.mark.parametrize("name", ["header-number-zero", "header-unknown-field", "header-short-boot-id"])
def test_the_cddl_refuses_a_wrong_header(name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    with pytest.raises(pycddl.ValidationError):
        schema("signed-header").validate_cbor(part(bake(case.recipe), 0))


def test_the_header_with_the_highest_number_is_what_the_cddl_says() -> None:
    for rule, encoded in layers(sealed(header=replace(HEADER, seq=2**63 - 1))):
        schema(rule).validate_cbor(encoded)
