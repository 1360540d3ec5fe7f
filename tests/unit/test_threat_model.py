"""Every claim of docs/threat-model.md names a test, and every test it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)


def test_every_adversary_is_told_what_is_not_protected() -> None:
    adversaries = PAGE.split("\n## ")[2:-1]
    assert len(adversaries) == 11
    assert all("**Not protected.**" in text for text in adversaries)


def test_every_claim_names_a_test() -> None:
    tables = PAGE.split("## Thief of the unit")[1]
    claims = [line for line in tables.splitlines() if line.startswith("| ") and line != "| claim | test |"]
    assert len(claims) > 25
    assert [claim for claim in claims if "::test_" not in claim] == []


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_the_named_test_exists(file: str, test: str) -> None:
    assert f"\ndef {test}(" in (ROOT / "tests" / file).read_text()
