"""Which broker is used when one fails, names another, or is back."""

from __future__ import annotations

import random

import pytest

from anpr_edge.uplink.brokers import Address, Brokers, Failover, parse_reference
from tests.fakes import FakeClock

A, B, C = Address("a.example", 8883), Address("b.example", 8883), Address("c.example", 8884)
FAILOVER = Failover(failures=3, after_s=60.0, return_s=900.0)


def make(*addresses: Address) -> tuple[Brokers, FakeClock]:
    clock = FakeClock()
    return Brokers(addresses, FAILOVER, clock, random.Random(1)), clock


def fail(brokers: Brokers, times: int = 1) -> None:
    for _ in range(times):
        brokers.ended(steady=False)


def test_it_is_left_after_the_stated_number_of_failures() -> None:
    brokers, _ = make(A, B)
    fail(brokers, 2)
    assert brokers.current == A
    fail(brokers)
    assert brokers.current == B
    assert brokers.failovers == 1


def test_it_is_left_after_failing_for_the_stated_time() -> None:
    brokers, clock = make(A, B)
    fail(brokers)
    clock.advance(60)
    fail(brokers)
    assert brokers.current == B


def test_a_connection_that_lasted_forgives() -> None:
    brokers, _ = make(A, B)
    for _ in range(10):
        fail(brokers)
        brokers.ended(steady=True)
        assert brokers.current == A


def test_what_would_fail_again_is_left_at_once() -> None:
    brokers, _ = make(A, B)
    brokers.ended(steady=False, hopeless=True)
    assert brokers.current == B


def test_after_the_last_comes_the_first() -> None:
    brokers, _ = make(A, B, C)
    seen = []
    for _ in range(3):
        fail(brokers, 3)
        seen.append(brokers.current)
    assert seen == [B, C, A]


def test_the_only_one_is_never_left() -> None:
    brokers, clock = make(A)
    for _ in range(10):
        clock.advance(100)
        brokers.ended(steady=False, hopeless=True)
    assert (brokers.current, brokers.failovers, brokers.on_standby) == (A, 0, False)


def test_a_return_is_due_after_the_stated_time_give_or_take_a_quarter() -> None:
    brokers, clock = make(A, B)
    clock.advance(10_000)
    assert not brokers.return_is_due(), "the preferred one is in use"
    fail(brokers, 3)
    clock.advance(0.75 * 900 - 1)
    assert not brokers.return_is_due()
    clock.advance(0.5 * 900 + 2)
    assert brokers.return_is_due()
    brokers.go_home()
    assert brokers.current == A


def test_units_do_not_return_together() -> None:
    due = set()
    for seed in range(20):
        clock = FakeClock()
        brokers = Brokers([A, B], FAILOVER, clock, random.Random(seed))
        fail(brokers, 3)
        while not brokers.return_is_due():
            clock.advance(5)
        due.add(clock.now().mono_ns)
    assert len(due) > 10


def test_a_return_that_fails_is_tried_again_later_and_later() -> None:
    brokers, clock = make(A, B)
    fail(brokers, 3)
    waits = []
    for _ in range(6):
        began_ns = clock.now().mono_ns
        while not brokers.return_is_due():
            clock.advance(10)
        waits.append((clock.now().mono_ns - began_ns) / 900e9)
        brokers.go_home()
        brokers.ended(steady=False, hopeless=True)
        assert brokers.current == B
    for wait, factor in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert 0.7 * factor < wait < 1.3 * factor


def test_a_steady_connection_at_home_shortens_the_next_absence_again() -> None:
    brokers, clock = make(A, B)
    fail(brokers, 3)
    brokers.go_home()
    brokers.ended(steady=True)
    fail(brokers, 2)
    clock.advance(1.3 * 900)
    assert brokers.return_is_due()


def test_another_server_counts_until_it_fails() -> None:
    brokers, _ = make(A, B)
    assert brokers.sent_to("c.example:8884", for_good=False) == C
    assert (brokers.current, brokers.on_standby) == (C, True)
    fail(brokers, 3)
    assert brokers.current == A


def test_a_server_that_has_moved_is_not_asked_again() -> None:
    brokers, _ = make(A, B)
    brokers.sent_to("c.example:8884", for_good=True)
    assert (brokers.current, brokers.preferred, brokers.on_standby) == (C, C, False)


def test_a_circle_is_left() -> None:
    brokers, _ = make(A)
    followed = [brokers.sent_to(f"{name}.example", for_good=False) for name in "bcabca"]
    assert followed.count(None) == 3
    brokers.ended(steady=True)
    assert brokers.sent_to("b.example", for_good=False)


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("c.example", Address("c.example", 8883)),
        ("c.example:8884", C),
        ("192.0.2.1:1", Address("192.0.2.1", 1)),
        ("[2001:db8::1]:8884", Address("2001:db8::1", 8884)),
        ("c.example:8884 b.example", C),
        ("", None),
        ("c.example:0", None),
        ("c.example:99999", None),
        ("mqtts://c.example", None),
        ("c.example:8884/path", None),
        ("c exa mple\n", Address("c", 8883)),
        ("\x00", None),
    ],
)
def test_a_reference_is_read_or_refused(reference: str, address: Address | None) -> None:
    assert parse_reference(reference, 8883) == address
