"""Watching: what is told, when, and what is not."""

from __future__ import annotations

import pytest

from anpr_edge.diag.condition import Condition, Finding, Severity, Verdict
from anpr_edge.diag.examine import Line
from anpr_edge.diag.watch import Watch

LINK = Condition("link", "It is up", Severity.DELIVERY, "", visible_after_s=60.0)
LAMP = Condition("lamp", "It shines", Severity.READS, "")


def line(condition: Condition, verdict: Verdict, because: str = "", *, passing: bool = False) -> Line:
    return Line("check", condition, Finding(condition.code, verdict, because=because, passing=passing))


OK, FAIL = Verdict.OK, Verdict.FAIL


@pytest.fixture
def watch() -> Watch:
    watch = Watch()
    watch.changes([line(LINK, OK), line(LAMP, OK)], 0.0)
    return watch


def told(watch: Watch, mono_s: float, *lines: Line) -> list[tuple[str, Verdict]]:
    return [(one.condition.code, one.finding.verdict) for one in watch.changes(lines, mono_s)]


def test_the_first_look_tells_everything_at_once() -> None:
    assert told(Watch(), 0.0, line(LINK, FAIL), line(LAMP, OK)) == [("link", FAIL), ("lamp", OK)]


def test_what_stays_as_it_is_is_not_told_again(watch: Watch) -> None:
    assert told(watch, 5.0, line(LINK, OK), line(LAMP, OK)) == []


def test_a_fault_is_told_once(watch: Watch) -> None:
    assert told(watch, 5.0, line(LAMP, FAIL)) == [("lamp", FAIL)]
    assert told(watch, 10.0, line(LAMP, FAIL)) == []


def test_a_hiccup_is_not_told_and_neither_is_its_end(watch: Watch) -> None:
    assert told(watch, 5.0, line(LINK, FAIL)) == []
    assert told(watch, 64.0, line(LINK, FAIL)) == []
    assert told(watch, 65.0, line(LINK, OK)) == []


def test_a_fault_that_lasts_is_told_when_it_has_lasted_and_again_when_it_ends(watch: Watch) -> None:
    told(watch, 5.0, line(LINK, FAIL))
    assert told(watch, 65.0, line(LINK, FAIL)) == [("link", FAIL)]
    assert told(watch, 70.0, line(LINK, OK)) == [("link", OK)]


def test_each_hiccup_begins_anew(watch: Watch) -> None:
    told(watch, 5.0, line(LINK, FAIL))
    told(watch, 50.0, line(LINK, OK))
    assert told(watch, 70.0, line(LINK, FAIL)) == []


def test_consequences_are_not_told(watch: Watch) -> None:
    assert told(watch, 5.0, line(LAMP, Verdict.NOT_CHECKED, because="link")) == []


def test_what_its_check_knows_to_be_a_hiccup_is_not_told_however_often(watch: Watch) -> None:
    for mono_s in (5.0, 600.0, 1200.0):
        assert told(watch, mono_s, line(LAMP, Verdict.WARN, passing=True)) == []
    assert told(watch, 1205.0, line(LAMP, OK)) == []
    assert told(watch, 1210.0, line(LAMP, FAIL)) == [("lamp", FAIL)]
