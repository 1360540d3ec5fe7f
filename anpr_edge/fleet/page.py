"""The assessment's Markdown as a page of HTML that stands by itself: headings, tables, lists, text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import groupby

_STYLE = "body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto}table{border-collapse:collapse}"
_STYLE += "td,th{border:1px solid #999;padding:.3rem .6rem;text-align:left;vertical-align:top}"
_CELL_END = re.compile(r"(?<!\\)\|")


def html_page(title: str, lines: Iterable[str]) -> Iterator[str]:
    """The document, line by line; whatever the policy says is text in it, never markup."""
    yield '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
    yield f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
    for kind, group in groupby(lines, key=_kind):
        yield from _BLOCKS[kind](group)
    yield "</body>\n</html>"


def _kind(line: str) -> str:
    if re.match(r"#+ ", line):
        return "heading"
    if line.startswith("|"):
        return "table"
    return "list" if re.match(r"\d+\. ", line) else "text"


def _headings(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        marks, _, words = line.partition(" ")
        yield f"<h{len(marks)}>{_inline(words)}</h{len(marks)}>"


def _table(lines: Iterable[str]) -> Iterator[str]:
    yield "<table>"
    rows = [_CELL_END.split(line)[1:-1] for line in lines]
    for number, row in enumerate(rows):
        if number != 1:  # the second is the rule below the headings
            tag = "th" if number == 0 else "td"
            cells = (cell.strip().replace("\\|", "|") for cell in row)
            yield "<tr>" + "".join(f"<{tag}>{_inline(cell)}</{tag}>" for cell in cells) + "</tr>"
    yield "</table>"


def _list(lines: Iterable[str]) -> Iterator[str]:
    yield "<ol>"
    yield from (f"<li>{_inline(line.partition('. ')[2])}</li>" for line in lines)
    yield "</ol>"


def _text(lines: Iterable[str]) -> Iterator[str]:
    words = " ".join(line for line in lines if line)
    if words:
        yield f"<p>{_inline(words)}</p>"


_BLOCKS = {"heading": _headings, "table": _table, "list": _list, "text": _text}


def _inline(text: str) -> str:
    escaped = html.escape(text)
    return re.sub(
        r"`([^`]+)`", r"<code>\1</code>", re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", escaped)
    )
