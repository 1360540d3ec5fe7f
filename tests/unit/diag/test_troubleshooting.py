"""docs/troubleshooting.md is what the conditions say, and each of them says what to do."""

from __future__ import annotations

from pathlib import Path

from anpr_edge.diag.registry import ALL_CHECKS
from anpr_edge.diag.troubleshooting import page

DOCUMENT = Path(__file__).parents[3] / "docs" / "troubleshooting.md"
CONDITIONS = [condition for check in ALL_CHECKS for condition in check.conditions]


def test_the_page_is_made_from_the_conditions() -> None:
    made = "\n".join(page()) + "\n"
    assert DOCUMENT.read_text(encoding="utf-8") == made, "python -m anpr_edge.diag.troubleshooting writes it"


def test_every_condition_is_on_the_page_with_its_next_step() -> None:
    made = "\n".join(page())
    for condition in CONDITIONS:
        section = made.split(f"\n## {condition.code}\n")[1].partition("\n## ")[0]
        assert condition.title in section
        assert condition.next_step in section


def test_every_condition_says_what_it_is_and_what_to_do() -> None:
    for condition in CONDITIONS:
        assert condition.explanation.endswith("."), condition.code
        assert condition.next_step, condition.code
        assert not condition.next_step.endswith("."), condition.code
