"""What may go out when: live first, the backlog at its rate, nothing where the broker said no."""

from __future__ import annotations

import itertools
import random

import pytest

from anpr_edge.records import Delivery, OutboxEntry, SealedRead
from anpr_edge.uplink.shaper import FIRST_HOLD_S, LONGEST_HOLD_S, Shaper
from tests.fakes import FakeClock

WINDOW = 20


def make(
    *,
    per_s: float = 5.0,
    spread_s: float = 0.0,
    seed: int = 1,
    unconfirmed: int = 10**6,
    thrifty: bool = False,
) -> tuple[Shaper, FakeClock]:
    clock = FakeClock()
    shaper = Shaper(
        clock,
        random.Random(seed),
        window=WINDOW,
        backlog_per_s=per_s,
        spread_s=spread_s,
        unconfirmed=unconfirmed,
        thrifty=lambda: thrifty,
    )
    shaper.connected("a.example:8883")
    return shaper, clock


def entry(*, live: bool = False, feed: str = "access", seq: int = 1) -> OutboxEntry:
    return OutboxEntry(SealedRead(feed, seq, b"sealed"), 0, 0, live=live)


def drain(shaper: Shaper, clock: FakeClock, seconds: float, step_s: float = 0.1) -> list[float]:
    """Send all of a backlog that may go; gives the moments, in seconds."""
    began_ns, moments = clock.now().mono_ns, []
    while (now_s := (clock.now().mono_ns - began_ns) / 1e9) < seconds:
        for _ in range(shaper.allowance().backlog):
            shaper.sent(entry())
            moments.append(now_s)
        clock.advance(step_s)
    return moments


@pytest.mark.parametrize("per_s", [0.5, 5.0, 50.0, 500.0])
def test_the_backlog_goes_at_its_rate(per_s: float) -> None:
    shaper, clock = make(per_s=per_s)
    assert len(drain(shaper, clock, 200.0)) == pytest.approx(200 * per_s, rel=0.1)


def send_all(shaper: Shaper, first: int) -> int:
    """Send what of the backlog may go now, numbered from `first`; the next number."""
    for _ in range(shaper.allowance().backlog):
        shaper.sent(entry(seq=first))
        first += 1
    return first


def test_the_backlog_waits_for_the_centre() -> None:
    shaper, clock = make(per_s=100.0, unconfirmed=5)
    clock.advance(1)
    assert send_all(shaper, 1) == 6
    clock.advance(1)
    assert shaper.allowance().backlog == 0
    shaper.confirmed("access", 3)
    shaper.confirmed("police", 100)
    assert send_all(shaper, 6) == 9
    assert shaper.allowance().unanswered == WINDOW


def test_what_the_broker_refuses_is_not_waited_for() -> None:
    shaper, clock = make(per_s=100.0, unconfirmed=2)
    clock.advance(1)
    assert send_all(shaper, 1) == 3
    shaper.answered(Delivery("access", 1, 0x10))
    shaper.answered(Delivery("access", 2, 0))
    clock.advance(1)
    assert shaper.allowance().backlog == 1


def test_a_centre_that_never_answers_makes_it_slow_and_does_not_end_it() -> None:
    shaper, clock = make(per_s=100.0, unconfirmed=5)
    seq = 1
    for _ in range(10):
        clock.advance(61)
        seq = send_all(shaper, seq)
    assert seq == 51


def test_a_new_connection_owes_nothing() -> None:
    shaper, clock = make(per_s=100.0, unconfirmed=5)
    clock.advance(1)
    send_all(shaper, 1)
    shaper.connected("a.example:8883")
    clock.advance(1)
    assert shaper.allowance().backlog == 5


def test_no_burst_follows_a_pause_of_the_backlog() -> None:
    shaper, clock = make(per_s=5.0)
    clock.advance(3600)
    assert shaper.allowance().backlog <= 5 * 0.5


def test_reads_of_the_backlog_do_not_follow_each_other_like_clockwork() -> None:
    shaper, clock = make(per_s=5.0)
    moments = drain(shaper, clock, 60.0, step_s=0.01)
    gaps = {round(later - before, 2) for before, later in itertools.pairwise(moments)}
    assert len(gaps) > 10


def test_a_city_does_not_begin_together() -> None:
    begins = []
    for seed in range(50):
        shaper, clock = make(spread_s=10.0, seed=seed)
        begins.append(drain(shaper, clock, 11.0)[0])
    assert min(begins) < 2
    assert max(begins) > 8


def test_live_reads_take_nothing_of_the_backlogs_rate() -> None:
    shaper, _ = make()
    before = shaper.allowance().backlog
    for _ in range(100):
        shaper.sent(entry(live=True))
    assert shaper.allowance().backlog == before > 0


def test_a_link_that_saves_leaves_the_backlog() -> None:
    shaper, clock = make(thrifty=True)
    assert drain(shaper, clock, 60.0) == []
    assert shaper.allowance().unanswered == WINDOW
    assert shaper.state()["backlog"] == "saving"


def test_a_refused_feed_is_held_and_then_tried_with_one_read_ever_later() -> None:
    shaper, clock = make()
    delay_s = FIRST_HOLD_S
    for _ in range(8):
        shaper.sent(entry(feed="police"))
        for _ in range(5):
            shaper.answered(Delivery("police", 1, 0x87))
        assert shaper.allowance().held == {"police"}
        clock.advance(delay_s - 1)
        assert shaper.is_held("police")
        clock.advance(2)
        assert not shaper.is_held("police")
        delay_s = min(2 * delay_s, LONGEST_HOLD_S)
    shaper.sent(entry(feed="police"))
    assert shaper.is_held("police"), "one read tries"
    shaper.answered(Delivery("police", 1, 0))
    assert not shaper.allowance().held


def test_a_hold_survives_the_broker_hanging_up_and_ends_with_another_broker() -> None:
    shaper, _ = make()
    shaper.answered(Delivery("police", 1, 0x87))
    shaper.lost("")
    shaper.connected("a.example:8883")
    assert shaper.allowance().held == {"police"}
    shaper.connected("b.example:8883")
    assert not shaper.allowance().held


def test_a_try_that_was_never_answered_is_made_again() -> None:
    shaper, clock = make()
    shaper.answered(Delivery("police", 1, 0x87))
    clock.advance(FIRST_HOLD_S + 1)
    shaper.sent(entry(feed="police"))
    shaper.lost("lost")
    shaper.connected("a.example:8883")
    assert not shaper.is_held("police")


def test_quota_exceeded_pauses_everything_longer_each_time_and_halves_the_window() -> None:
    shaper, clock = make()
    paused, width = [], []
    for _ in range(3):
        for _ in range(5):
            shaper.answered(Delivery("access", 1, 0x97))
        assert shaper.allowance().unanswered == 0
        began_ns = clock.now().mono_ns
        while shaper.allowance().unanswered == 0:
            clock.advance(0.1)
        paused.append((clock.now().mono_ns - began_ns) / 1e9)
        width.append(shaper.allowance().unanswered)
    assert [round(wait / 5) for wait in paused] == pytest.approx([1, 2, 4], abs=1)
    assert width == [10, 5, 2]
    for _ in range(400):
        shaper.answered(Delivery("access", 1, 0))
    assert shaper.allowance().unanswered == WINDOW


def test_a_connection_ended_for_its_quota_pauses_too() -> None:
    shaper, _ = make()
    shaper.lost("quota-exceeded")
    assert shaper.allowance().unanswered == 0
