"""What one policy changes against another, in words. It says nothing only when nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.policy.words import feed_rows, policy_rows


def changes(before: Policy | None, after: Policy) -> list[str]:
    """One line for each thing that is added, taken away or otherwise; `before` is None for a first policy."""
    return list(_changes(before, after))


def _changes(before: Policy | None, after: Policy) -> Iterator[str]:
    if before is not None:
        yield from _rows("policy", policy_rows(before), policy_rows(after))
    old = {feed.name: feed for feed in before.feeds} if before else {}
    new = {feed.name: feed for feed in after.feeds}
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield f"feed {name}: taken away; nobody gets it any more"
        elif name not in old:
            yield f"feed {name}: new"
            yield from (f"feed {name}: {label}: {text}" for label, text in feed_rows(new[name]).items())
        else:
            yield from _rows(f"feed {name}", feed_rows(old[name]), feed_rows(new[name]))


def _rows(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for label, text in after.items():
        if before[label] != text:
            yield f"{what}: {label}: was {before[label]}; now {text}"
