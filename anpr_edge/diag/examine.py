"""Runs checks so that a root cause is shown once, and its consequences as not checked because of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from anpr_edge.diag.condition import Check, Condition, Finding, Verdict, not_checked
from anpr_edge.diag.subject import Subject

WRONG = (Verdict.WARN, Verdict.FAIL)
HOLDS = (Verdict.OK, Verdict.WARN, Verdict.ABSENT)
"""Verdicts on which what depends on a condition can still be checked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding with what it is about."""

    check: str
    condition: Condition
    finding: Finding


def examine(subject: Subject, wanted: Sequence[Check], known: Sequence[Check]) -> list[Line]:
    """The findings of the `wanted` checks, in the order of `known`.

    What they depend on is checked too, and shown only when it is not right.
    """
    asked = {condition.code for check in wanted for condition in check.conditions}
    needed = _with_prerequisites(asked, known)
    found: dict[str, Finding] = {}
    lines: list[Line] = []
    for check in known:
        conditions = [condition for condition in check.conditions if condition.code in needed]
        if conditions:
            found.update(_run(subject, check, found))
            lines += [Line(check.name, condition, found[condition.code]) for condition in conditions]
    return [line for line in lines if line.condition.code in asked or line.finding.verdict not in HOLDS]


def _with_prerequisites(asked: Set[str], known: Sequence[Check]) -> set[str]:
    """The codes that were asked for, and of all they depend on."""
    depends_on = {condition.code: condition.depends_on for check in known for condition in check.conditions}
    needed: set[str] = set()
    queue = list(asked)
    while queue:
        code = queue.pop()
        if code not in needed:
            needed.add(code)
            queue += depends_on[code]
    return needed


def _run(subject: Subject, check: Check, earlier: Mapping[str, Finding]) -> dict[str, Finding]:
    """One finding for each of the check's conditions."""
    blocked = {c.code: cause for c in check.conditions if (cause := _root_cause(c, earlier))}
    given = _given(subject, check) if len(blocked) < len(check.conditions) else {}
    found: dict[str, Finding] = {}
    for condition in check.conditions:
        cause = blocked.get(condition.code) or _root_cause(condition, found)
        if cause:
            found[condition.code] = not_checked(condition, f"depends on {cause}", because=cause)
        else:
            silent = given.get("", not_checked(condition, "the check gave no answer"))
            finding = given.get(condition.code, replace(silent, code=condition.code))
            found[condition.code] = _explained(condition, finding, {**earlier, **found})
    return found


def _explained(condition: Condition, finding: Finding, found: Mapping[str, Finding]) -> Finding:
    """The finding, unless it is wrong and something that explains it is wrong as well."""
    if finding.verdict in WRONG:
        for code in condition.explained_by:
            if code in found and found[code].verdict in WRONG:
                return not_checked(condition, f"{finding.measured}: explained by {code}", because=code)
    return finding


def _given(subject: Subject, check: Check) -> dict[str, Finding]:
    """The check's own findings by code; under "" what stands for those it broke before giving."""
    given: dict[str, Finding] = {}
    try:
        for finding in check.run(subject):
            given[finding.code] = finding
    except Exception as error:
        # The error's words stay out: they are not ours and may show anything (law 2).
        reason = f"the check broke: {type(error).__name__}"
        given[""] = Finding("", Verdict.NOT_CHECKED, reason, next="report this with the unit's version")
    return given


def _root_cause(condition: Condition, found: Mapping[str, Finding]) -> str:
    """The code of what makes checking pointless, or nothing; follows "because" to its beginning."""
    for code in condition.depends_on:
        finding = found.get(code)
        if finding and finding.verdict not in HOLDS:
            return finding.because or code
    return ""
