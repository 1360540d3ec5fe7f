"""The page docs/troubleshooting.md: every condition there is, what it means and what to do.

`python -m anpr_edge.diag.troubleshooting > docs/troubleshooting.md` writes it; a test holds it to the code.
"""

from __future__ import annotations

from collections.abc import Iterator

from anpr_edge.diag.condition import Condition
from anpr_edge.diag.registry import ALL_CHECKS

INTRODUCTION = """\
# What can be wrong with a unit, and what to do

<!-- Made by `python -m anpr_edge.diag.troubleshooting` from the conditions in anpr_edge/diag/checks. -->

`sudo anpr-edge doctor` checks all of this and names the first cause of what is wrong; how it is used is in
[diagnostics.md](diagnostics.md). This page is the same in print: find the code, do what stands under *next*.
On the unit `anpr-edge doctor --explain CODE` says it too. The check `mqtt` is made by `anpr-edge netcheck`.

At stake: *reads* pass unread or are lost; *delivery*: they are made and kept, and do not arrive; *evidence*:
they arrive, and say less than they should.

A condition is not checked while one that it depends on is not right: it would only be a consequence.
"""

HEADINGS = ("check", "code", "right when", "at stake", "depends on")


def page() -> Iterator[str]:
    """The page, line by line."""
    yield from INTRODUCTION.splitlines()
    yield from ("", f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}")
    for check in ALL_CHECKS:
        for one in check.conditions:
            needs = ", ".join(one.depends_on) or "–"
            link = f"[`{one.code}`](#{one.code})"
            yield f"| {check.name} | {link} | {one.title} | {one.severity} | {needs} |"
    for check in ALL_CHECKS:
        for one in check.conditions:
            yield from _section(one)


def _section(one: Condition) -> Iterator[str]:
    yield from ("", f"## {one.code}", "", f"**{one.title}.** {one.explanation}", "")
    if one.explained_by:
        yield from (f"A consequence when one of these is wrong too: {', '.join(one.explained_by)}.", "")
    if one.visible_after_s:
        yield from (f"Wrong for less than {_duration(one.visible_after_s)} it is a hiccup.", "")
    yield f"*Next:* {one.next_sentence}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


if __name__ == "__main__":
    print("\n".join(page()))
