"""Root causes hide their consequences, and nothing that was not looked at is called ok."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, Verdict, fail, ok, warn
from anpr_edge.diag.examine import examine
from anpr_edge.diag.registry import ALL_CHECKS, CHECKS, find_condition, select
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import UsageError
from tests.fakes import FakeClock

SUBJECT = Subject(Path("nowhere.toml"), FakeClock())


def condition(code: str, *depends_on: str) -> Condition:
    return Condition(code, code, Severity.READS, code, depends_on)


def check(conditions: tuple[Condition, ...], run: Callable[[Subject], Iterable[Finding]]) -> Check:
    return Check(f"{conditions[0].code}-check", conditions, run)


ROOT, MIDDLE, LEAF = condition("root"), condition("middle", "root"), condition("leaf", "middle")


def always(*findings: Finding) -> Callable[[Subject], Iterable[Finding]]:
    return lambda subject: findings


def verdicts(*checks: Check, wanted: tuple[Check, ...] | None = None) -> dict[str, tuple[Verdict, str]]:
    lines = examine(SUBJECT, checks if wanted is None else wanted, checks)
    return {line.condition.code: (line.finding.verdict, line.finding.because) for line in lines}


def test_a_failure_hides_all_that_follows_from_it() -> None:
    broken = check((ROOT,), always(fail(ROOT, "0 V", next_step="plug it in")))
    others = check((MIDDLE, LEAF), always(ok(MIDDLE, ""), fail(LEAF, "dark", next_step="change the bulb")))
    assert verdicts(broken, others) == {
        "root": (Verdict.FAIL, ""),
        "middle": (Verdict.NOT_CHECKED, "root"),
        "leaf": (Verdict.NOT_CHECKED, "root"),
    }


def test_a_check_with_nothing_left_to_find_is_not_run() -> None:
    def must_not_run(subject: Subject) -> Iterable[Finding]:
        raise AssertionError("ran although all it looks at depends on a failure")

    broken = check((ROOT,), always(fail(ROOT, "", next_step="")))
    assert verdicts(broken, check((MIDDLE,), must_not_run))["middle"] == (Verdict.NOT_CHECKED, "root")


def test_a_failure_hides_later_conditions_of_its_own_check() -> None:
    steps = check((ROOT, MIDDLE, LEAF), always(ok(ROOT, ""), fail(MIDDLE, "", next_step="")))
    assert verdicts(steps)["leaf"] == (Verdict.NOT_CHECKED, "middle")


def test_a_warning_hides_nothing() -> None:
    weak = check((ROOT,), always(warn(ROOT, "4.7 V", next_step="")))
    assert verdicts(weak, check((MIDDLE,), always(ok(MIDDLE, ""))))["middle"] == (Verdict.OK, "")


def test_a_fault_that_something_to_watch_explains_is_its_consequence() -> None:
    dim = check((ROOT,), always(warn(ROOT, "4.7 V", next_step="")))
    dark = Condition("dark", "dark", Severity.READS, "dark", explained_by=("root",))
    lamp = check((dark,), always(fail(dark, "no light", next_step="")))
    assert verdicts(dim, lamp)["dark"] == (Verdict.NOT_CHECKED, "root")
    assert verdicts(check((ROOT,), always(ok(ROOT, ""))), lamp)["dark"] == (Verdict.FAIL, "")
    shining = check((dark,), always(ok(dark, "bright")))
    assert verdicts(dim, shining)["dark"] == (Verdict.OK, "")


def test_a_check_that_says_nothing_is_not_taken_for_ok() -> None:
    assert verdicts(check((ROOT,), always()))["root"] == (Verdict.NOT_CHECKED, "")


def test_a_check_that_breaks_shows_its_kind_but_not_its_words() -> None:
    def breaks(subject: Subject) -> Iterable[Finding]:
        yield ok(ROOT, "12 V")
        raise RuntimeError("AB12 CDE")

    lines = examine(SUBJECT, CHECKS[:0], ()) + examine(SUBJECT, *[(check((ROOT, MIDDLE), breaks),)] * 2)
    assert [line.finding.verdict for line in lines] == [Verdict.OK, Verdict.NOT_CHECKED]
    assert lines[1].finding.measured == "the check broke: RuntimeError"
    assert lines[1].finding.code == "middle"


def test_what_a_wanted_check_depends_on_is_shown_only_when_it_is_not_right() -> None:
    middle = check((MIDDLE,), always(ok(MIDDLE, "")))
    good, bad = always(ok(ROOT, "")), always(fail(ROOT, "", next_step=""))
    assert set(verdicts(check((ROOT,), good), middle, wanted=(middle,))) == {"middle"}
    assert set(verdicts(check((ROOT,), bad), middle, wanted=(middle,))) == {"root", "middle"}


def test_other_conditions_of_a_prerequisites_check_are_not_shown() -> None:
    other = condition("other")
    both = check((ROOT, other), always(ok(ROOT, ""), fail(other, "", next_step="")))
    middle = check((MIDDLE,), always(ok(MIDDLE, "")))
    assert set(verdicts(both, middle, wanted=(middle,))) == {"middle"}


def test_every_check_comes_after_what_it_depends_on() -> None:
    seen: set[str] = set()
    for each in ALL_CHECKS:
        for one in each.conditions:
            assert {*one.depends_on, *one.explained_by} <= seen, one.code
            seen.add(one.code)


def test_codes_and_names_are_unique() -> None:
    codes = [one.code for each in ALL_CHECKS for one in each.conditions]
    assert len(set(codes)) == len(codes)
    assert len({each.name for each in ALL_CHECKS}) == len(ALL_CHECKS)


def test_selecting_keeps_the_registrys_order_and_knows_the_nearest_name() -> None:
    assert [each.name for each in select(["broker", "config"])] == ["config", "broker"]
    assert select([]) == CHECKS
    with pytest.raises(UsageError, match="brokr") as caught:
        select(["brokr"])
    assert caught.value.hint == "did you mean broker?"
    with pytest.raises(UsageError, match="clock-sink") as caught:
        find_condition("clock-sink")
    assert caught.value.hint == "did you mean clock-sync?"
