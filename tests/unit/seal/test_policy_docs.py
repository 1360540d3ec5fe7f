"""docs/policy.md has every key of the signed format under its number."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.seal.policy.codec import CALENDAR, FEED, HOURS, LIST, POLICY, Entry
from anpr_edge.seal.policy.decide import Ruling

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "entries", [POLICY, FEED, CALENDAR, HOURS, LIST], ids=["policy", "feed", "calendar", "hours", "list"]
)
def test_every_key_is_documented(entries: tuple[Entry, ...]) -> None:
    rows = [f"| {entry.key} | `{entry.name}` |" for entry in entries]
    at = [PAGE.index(row) for row in rows]
    assert at == sorted(at)


def test_every_cause_is_documented() -> None:
    assert all(f"| `{cause}` |" in PAGE for cause in Ruling if cause is not Ruling.GIVEN)
