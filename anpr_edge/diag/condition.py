"""Conditions as data: what can be right or wrong with a unit, and what a check found of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from anpr_edge.diag.subject import Subject


class Verdict(StrEnum):
    """What a check says of one condition. What was not checked is never shown as ok."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    NOT_CHECKED = "not-checked"
    """It should have been, and could not be."""

    ABSENT = "absent"
    """The unit has no such part, none that tells, or has not learnt it yet: nothing is known to be wrong."""


class Severity(StrEnum):
    """What is at stake when a condition fails."""

    READS = "reads"
    """Vehicles pass unread, or reads are lost."""

    DELIVERY = "delivery"
    """Reads are made and kept, and do not arrive."""

    EVIDENCE = "evidence"
    """Reads arrive, and say less than they should."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that can be right or wrong. `code` is stable: scripts and docs refer to it.

    When a condition in `depends_on` is not right, this one is not checked: its failure would only be
    a consequence. When one in `explained_by` is to watch or worse and this one is wrong too, that is taken
    for a consequence as well. `next_step` is what to do when it is not right, unless a finding knows better.
    `visible_after_s` is how long it may be wrong before that is more than a hiccup.
    """

    code: str
    title: str
    severity: Severity
    explanation: str
    depends_on: tuple[str, ...] = ()
    explained_by: tuple[str, ...] = ()
    next_step: str = ""
    visible_after_s: float = 0.0

    @property
    def next_sentence(self) -> str:
        """What to do, as a sentence of its own."""
        return self.next_step if self.next_step.endswith("?") else f"{self.next_step}."


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one condition: the measured value, the limit it is held to, what to do next.

    `because` is the code of the root cause that kept it from being checked; `passing` says that it is
    wrong for so short a time that it will probably be right again by itself.
    """

    code: str
    verdict: Verdict
    measured: str = ""
    limit: str = ""
    next: str = ""
    because: str = ""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the unit. `run` gives at most one finding for each condition, in their order."""

    name: str
    conditions: tuple[Condition, ...]
    run: Callable[[Subject], Iterable[Finding]]


def ok(condition: Condition, measured: str, limit: str = "") -> Finding:
    """All is well with it."""
    return Finding(condition.code, Verdict.OK, measured, limit)


def warn(condition: Condition, measured: str, *, limit: str = "", next_step: str = "") -> Finding:
    """It works, and will not for long or not as well as it should."""
    return Finding(condition.code, Verdict.WARN, measured, limit, next_step or condition.next_step)


def fail(condition: Condition, measured: str, *, limit: str = "", next_step: str = "") -> Finding:
    """It does not work."""
    return Finding(condition.code, Verdict.FAIL, measured, limit, next_step or condition.next_step)


def standing(
    condition: Condition, for_s: float, measured: str, *, limit: str = "", next_step: str = ""
) -> Finding:
    """It has not worked for `for_s` seconds: to watch at first, a failure once it has lasted."""
    left_s = condition.visible_after_s - for_s
    if left_s <= 0:
        return fail(condition, measured, limit=limit, next_step=next_step)
    hold = f"{condition.visible_after_s:.0f} s"
    found = warn(condition, measured, limit=limit or hold, next_step=f"ask again in {left_s:.0f} s")
    return replace(found, passing=True)


def not_checked(condition: Condition, reason: str, *, next_step: str = "", because: str = "") -> Finding:
    """Nobody knows, and why."""
    return Finding(condition.code, Verdict.NOT_CHECKED, reason, "", next_step, because)


def absent(condition: Condition, reason: str) -> Finding:
    """There is nothing to look at, and why."""
    return Finding(condition.code, Verdict.ABSENT, reason)
