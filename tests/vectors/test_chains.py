"""The centre says of every chain vector what the vector says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.central.dedupe import GRACE_S, FeedLedger, Place
from anpr_edge.central.prints import Link
from anpr_edge.seal import envelope
from anpr_edge.seal.keys import VerifyKey
from tests.vectors.chains import CHAINS
from tests.vectors.make import CHAINS_FOLDER, chain_text
from tests.vectors.test_sealed_reads import raw

FILES = sorted(CHAINS_FOLDER.glob("*.json"))


def link(blob: bytes, key: VerifyKey) -> Link:
    found = envelope.parse(blob)
    found.verify(key)
    return Link(found.seq, found.previous, envelope.envelope_hash(blob))


def judged(ledger: FeedLedger, one: Link) -> str:
    place = ledger.place(one)
    if place is not Place.NEW:
        return str(place.value)
    return "new" if ledger.add(one, 0) else "break"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_chain_is_judged_as_it_says(file: Path) -> None:
    vector: dict[str, Any] = json.loads(file.read_text())
    key = VerifyKey.parse(vector["verify_key"])
    links = [link(raw(text), key) for text in vector["envelopes"]]
    ledger = FeedLedger()

    assert [judged(ledger, one) for one in links] == vector["expect"]
    _, gaps = ledger.watermark(round(GRACE_S * 1e9))
    assert [list(gap) for gap in gaps] == vector["missing"]
    assert ledger.restarts == len(vector["restarts"])
    assert {one.seq for one in links if ledger.begins_anew(one)} >= set(vector["restarts"])


def test_the_files_are_what_the_maker_makes() -> None:
    assert {file.stem: file.read_text() for file in FILES} == {
        chain.name: chain_text(chain) for chain in CHAINS
    }
