"""Every publish is answered once, in whichever order the broker and the publisher get to the window."""

from __future__ import annotations

from threading import Thread

from anpr_edge.records import Delivery
from anpr_edge.uplink.window import Window

SUCCESS, QUOTA = 0x00, 0x97


def make(size: int = 2) -> tuple[Window, list[Delivery]]:
    emitted: list[Delivery] = []
    return Window(size, emitted.append), emitted


def test_an_answer_becomes_the_delivery_of_its_read() -> None:
    window, emitted = make()
    assert window.reserve()
    assert window.sent(7, "access", 41, 0)
    window.answered(7, QUOTA)
    assert emitted == [Delivery("access", 41, QUOTA)]
    assert len(window) == 0


def test_an_answer_may_overtake_the_publisher() -> None:
    window, emitted = make()
    window.reserve()
    window.answered(7, SUCCESS)
    assert emitted == []
    assert window.sent(7, "access", 41, 0)
    assert emitted == [Delivery("access", 41, SUCCESS)]


def test_a_second_answer_is_nobodys() -> None:
    window, emitted = make()
    window.reserve()
    window.sent(7, "access", 41, 0)
    window.answered(7, SUCCESS)
    window.answered(7, SUCCESS)
    assert len(emitted) == 1


def test_a_publish_waits_for_room() -> None:
    window, _ = make(size=1)
    window.reserve()
    window.sent(1, "access", 1, 0)
    waiter = Thread(target=lambda: window.reserve() and window.sent(2, "access", 2, 0))
    waiter.start()
    assert len(window) == 1
    window.answered(1, SUCCESS)
    waiter.join()
    assert len(window) == 1
    assert window.oldest_mono_ns() == 0


def test_closing_lets_waiters_go_and_forgets_the_unanswered() -> None:
    window, emitted = make(size=1)
    window.reserve()
    window.sent(1, "access", 1, 0)
    got: list[bool] = []
    waiter = Thread(target=lambda: got.append(window.reserve()))
    waiter.start()
    window.close()
    waiter.join()
    window.answered(1, SUCCESS)
    assert got == [False]
    assert emitted == []
    assert not window.sent(2, "access", 2, 0)


def test_the_broker_may_make_it_smaller_but_not_larger() -> None:
    window, _ = make(size=3)
    window.limit(100)
    for mid in (1, 2, 3):
        window.reserve()
        window.sent(mid, "access", mid, 0)
    window.limit(1)
    for mid in (1, 2):
        window.answered(mid, SUCCESS)
    waiter = Thread(target=window.reserve)
    waiter.start()
    assert len(window) == 1, "one is unanswered and there is room for one only"
    window.answered(3, SUCCESS)
    waiter.join()


def test_status_and_health_take_no_room_and_are_no_deliveries() -> None:
    window, emitted = make(size=1)
    window.ignore(5)
    window.answered(5, SUCCESS)
    window.answered(6, SUCCESS)
    window.ignore(6)
    assert emitted == []
    assert len(window) == 0


def test_what_the_broker_cannot_carry_is_answered_here() -> None:
    window, emitted = make(size=1)
    window.reserve()
    window.refused("access", 9, 0x95)
    assert emitted == [Delivery("access", 9, 0x95)]
    assert len(window) == 0


def test_the_oldest_unanswered_publish_is_known() -> None:
    window, _ = make(size=3)
    assert window.oldest_mono_ns() is None
    for mid, mono_ns in ((1, 500), (2, 100), (3, 900)):
        window.reserve()
        window.sent(mid, "access", mid, mono_ns)
    assert window.oldest_mono_ns() == 100
    window.answered(2, SUCCESS)
    assert window.oldest_mono_ns() == 500


def test_an_ignored_answer_is_expected_until_it_comes_in_whichever_order() -> None:
    window, emitted = make()
    assert not window.expects(3)
    window.ignore(3)
    assert window.expects(3)
    window.answered(3, SUCCESS)
    assert not window.expects(3)
    window.answered(4, SUCCESS)
    window.ignore(4)
    assert not window.expects(4)
    assert emitted == []
