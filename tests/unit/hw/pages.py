"""The tables of a page, for tests that hold a page to the code."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]


def tables(page: str) -> list[list[list[str]]]:
    """Every table of a page, as rows of cells: the heading first, the rule under it left out."""
    found: list[list[list[str]]] = [[]]
    for line in (ROOT / page).read_text().splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [[table[0], *table[2:]] for table in found if table]


def table(page: str, *heading: str) -> list[dict[str, str]]:
    """The one table that begins with these headings, as a dictionary a row."""
    (rows,) = [one for one in tables(page) if tuple(one[0][: len(heading)]) == heading]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
