"""Every link of a page to a file of ours, or to a heading in one, leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for folder in (".", "docs", "hw", "models") for page in (ROOT / folder).glob("*.md")
) + sorted((ROOT / "hw").glob("*/*.md"))
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def links(page: Path) -> list[tuple[str, str]]:
    """File and heading of each link; either may be empty."""
    found = LINK.findall(FENCE.sub("", page.read_text()))
    return [(file, heading) for file, heading in found if "://" not in file]


def anchors(page: Path) -> set[str]:
    """The headings of a page, as the forges make anchors of them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for file, heading in links(page):
        target = page.parent / file if file else page
        if not target.exists() or (heading and target.suffix == ".md" and heading not in anchors(target)):
            dead.append(f"{file}#{heading}")
    assert dead == []


def test_the_pages_have_links() -> None:
    assert sum(len(links(page)) for page in PAGES) > 100
