"""docs/diagnostics.md lists exactly the conditions there are."""

from __future__ import annotations

from pathlib import Path

from anpr_edge.diag.registry import CHECKS

DOCUMENT = Path(__file__).parents[3] / "docs" / "diagnostics.md"


def test_the_table_of_conditions_is_the_registry() -> None:
    expected = [
        f"| {check.name} | `{one.code}` | {one.title} | {one.severity} | {', '.join(one.depends_on) or '–'} |"
        for check in CHECKS
        for one in check.conditions
    ]
    written = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = written.index(expected[0])
    assert written[start : start + len(expected)] == expected
    assert not written[start + len(expected)].startswith("|")
