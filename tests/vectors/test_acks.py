"""Every vector of an acknowledgement does what it says."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.seal.acks import open_ack
from anpr_edge.seal.keys import VerifyKey
from tests.vectors.acks import ACKS
from tests.vectors.make import ACKS_FOLDER, ack_text, as_text
from tests.vectors.test_sealed_reads import raw

FILES = sorted(ACKS_FOLDER.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_acknowledgement_does_what_it_says(file: Path) -> None:
    vector: dict[str, Any] = json.loads(file.read_text())
    key = VerifyKey.parse(vector["verify_key"])
    if vector["expect"] == "opens":
        ack = open_ack(raw(vector["message"]), key)
        assert as_text(list(astuple(ack))) == [vector["fields"][str(label)] for label in range(2, 9)]
    else:
        with pytest.raises(EnvelopeError) as refused:
            open_ack(raw(vector["message"]), key)
        assert refused.value.kind == Refusal(vector["expect"])


def test_the_files_are_what_the_maker_makes() -> None:
    assert {file.stem: file.read_text() for file in FILES} == {case.name: ack_text(case) for case in ACKS}
