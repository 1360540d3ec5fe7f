"""Every vector does what it says, for our reader; the good ones open for the `cwt` package too."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cwt import COSE, COSEKey

from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.seal import cbor, envelope, hpke, wire
from anpr_edge.seal.keys import RecipientPrivateKey, VerifyKey
from tests.vectors.cases import CASES
from tests.vectors.make import FOLDER, plain, text

FILES = sorted(FOLDER.glob("*.json"))
GOOD = [file for file in FILES if file.name.startswith("good-")]


GOOD_X25519 = [file for file in GOOD if "hybrid" not in file.name and "mixed" not in file.name]
"""Those that `cwt` can open: it refuses an algorithm it does not know, on another recipient too."""


def load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private_key(vector: dict[str, Any]) -> RecipientPrivateKey:
    suite = hpke.SUITES[vector["opens_with_suite"]]
    return RecipientPrivateKey.from_secret(suite, raw(vector["opens_with_private_key"]))


def opened(vector: dict[str, Any]) -> bytes:
    """The order of docs/wire-format.md §6: shape, address, signature, ciphertext, record."""
    _, _, fleet, unit, _, feed = vector["topic"].split("/")
    key = private_key(vector)
    parsed = envelope.parse(raw(vector["envelope"]))
    parsed.addressed(fleet, unit, feed)
    parsed.verify(VerifyKey.parse(vector["verify_key"]))
    record = parsed.open(key)
    wire.decode_read(record)
    return record


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_vector_does_what_it_says(file: Path) -> None:
    vector = load(file)
    if vector["expect"] == "opens":
        fields = cbor.decode(opened(vector), "the record")
        assert isinstance(fields, dict)
        assert {str(key): plain(value) for key, value in fields.items()} == vector["record"]
        assert envelope.envelope_hash(raw(vector["envelope"])).hex() == vector["hash"]
    else:
        with pytest.raises(EnvelopeError) as refused:
            opened(vector)
        assert refused.value.kind == Refusal(vector["expect"])


def cose_key(verify: VerifyKey) -> dict[int, Any]:
    """A verifying key as RFC 9053 §7 has it; the package knows ECDSA by the older number alone."""
    if verify.suite.name == "ed25519":
        return {1: 1, 2: verify.kid, 3: verify.alg, -1: 6, -2: verify.raw, 4: [2]}
    point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), verify.raw).public_numbers()
    return {
        1: 2,
        2: verify.kid,
        3: verify.alg,
        -1: 1,
        -2: point.x.to_bytes(32),
        -3: point.y.to_bytes(32),
        4: [2],
    }


@pytest.mark.parametrize("file", GOOD_X25519, ids=lambda file: file.stem)
def test_an_independent_library_opens_the_good_ones(file: Path) -> None:
    vector = load(file)
    verify = VerifyKey.parse(vector["verify_key"])
    own = private_key(vector)
    signed = COSEKey.new(cose_key(verify))
    opens = COSEKey.new(
        {1: 1, 2: own.kid, 3: 49, -1: 4, -2: own.public.raw, -4: raw(vector["opens_with_private_key"])}
    )

    blob = raw(vector["envelope"])
    payload = COSE.new().decode(blob, signed)
    protected = envelope.parse(blob).signed.protected
    padded = COSE.new().decode(payload, opens, external_aad=protected)

    assert padded.rstrip(b"\0")[:-1] == opened(vector)


def test_the_files_are_what_the_maker_makes() -> None:
    assert {file.stem: file.read_text() for file in FILES} == {case.name: text(case) for case in CASES}


def test_every_kind_of_refusal_has_a_vector() -> None:
    """A unit nobody knows is the centre's to tell: no key, no envelope to refuse. A loss report is none."""
    seen = {load(file)["expect"] for file in FILES} - {"opens"}
    assert seen == {kind.value for kind in Refusal} - {Refusal.UNKNOWN_UNIT.value, Refusal.LOSS_REPORT.value}
