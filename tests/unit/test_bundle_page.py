"""docs/bundle.md says what the reader of a bundle holds to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anpr_edge.bundlefile import ALWAYS, LARGEST_BYTES, LONGEST, MANIFEST
from anpr_edge.errors import BundleRefusal
from anpr_edge.seal.enrolment import REQUEST_TYPE
from anpr_edge.seal.manifest import BUNDLE_TYPE, Enrolment
from anpr_edge.seal.retirement import TITLE

PAGE = (Path(__file__).parents[2] / "docs/bundle.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("kind", BundleRefusal)
def test_every_refusal_is_explained(kind: BundleRefusal) -> None:
    assert any(f"`{kind}`" in row.split("|")[1] for row in ROWS)


def test_members_are_in_the_tables_order_with_their_limits() -> None:
    table = PAGE.split("## The file")[1]
    rows = [line for line in table.splitlines() if re.match(r"\| `[a-z]+\.", line)]
    named = [name for row in rows for name in re.findall(r"`([a-z]+\.[a-z]+)`", row.split("|")[1])]
    assert named == list(LONGEST)
    limits = {row.split("|")[1].split("`")[1]: row.split("|")[2] for row in rows}
    for name, text in limits.items():
        assert f"{LONGEST[name]:,}" in text
    assert {row.split("`")[1] for row in rows if " always" in row} == ALWAYS | {MANIFEST}
    assert f"{LARGEST_BYTES:,} bytes" in PAGE


def test_types_and_words_are_the_codes() -> None:
    for words in (BUNDLE_TYPE, REQUEST_TYPE, TITLE, *Enrolment):
        assert words in PAGE
