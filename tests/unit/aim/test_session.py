"""One token, one browser, some minutes."""

from __future__ import annotations

import pytest

from anpr_edge.aim.session import Session
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def session(clock: FakeClock) -> Session:
    return Session(clock, minutes=30, idle_s=300)


def test_the_token_is_good_once(session: Session) -> None:
    first = session.enter(session.token)
    assert session.admits(first.granted)
    second = session.enter(session.token)
    assert (second.granted, second.refused) == ("", "used")
    assert session.admits(first.granted)


def test_tokens_and_passes_are_long_and_never_the_same(clock: FakeClock) -> None:
    seen = set()
    for _ in range(20):
        one = Session(clock, minutes=1)
        seen |= {one.token, one.enter(one.token).granted}
    assert len(seen) == 40
    assert all(len(text) >= 22 for text in seen)


@pytest.mark.parametrize("offered", ["", "x", "ü", "None"])
def test_another_token_is_refused_and_counted(session: Session, offered: str) -> None:
    assert session.enter(offered).refused == "wrong"
    assert session.refusals == {"wrong": 1}
    assert not session.entered


@pytest.mark.parametrize("shown", ["", "guess", "ü"])
def test_without_the_pass_nobody_is_admitted(session: Session, shown: str) -> None:
    assert not session.admits(shown)
    session.enter(session.token)
    assert not session.admits(shown)
    assert not session.admits(session.token)


def test_it_ends_after_its_minutes_however_much_it_is_used(session: Session, clock: FakeClock) -> None:
    granted = session.enter(session.token).granted
    for _ in range(29):
        clock.advance(60)
        assert session.admits(granted)
        assert session.over() == ""
    clock.advance(60)
    assert "time was over" in session.over()
    assert not session.admits(granted)
    assert session.enter(session.token).refused == "over"


def test_it_ends_when_nobody_looks(session: Session, clock: FakeClock) -> None:
    session.enter(session.token)
    clock.advance(299)
    assert session.over() == ""
    session.seen()
    clock.advance(299)
    assert session.over() == ""
    clock.advance(2)
    assert session.over() == "nobody looked at it for 5 min"


def test_setting_the_wall_clock_changes_nothing(session: Session, clock: FakeClock) -> None:
    clock.step_utc(86_400)
    assert session.over() == ""
    assert session.left_s == 1800


def test_the_first_reason_counts(session: Session, clock: FakeClock) -> None:
    session.end("ended on the page")
    clock.advance(7200)
    assert session.over() == "ended on the page"


def test_an_entry_shows_no_pass_in_a_log(session: Session) -> None:
    entry = session.enter(session.token)
    assert entry.granted not in repr(entry)
