"""Frames may be dropped, reads may not: what each queue does when it is full, empty or closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from anpr_edge.daemon.queues import Bounded, Closed, DropOldest

WAIT_S = 10.0


class Started:
    """A thread that keeps what its work returned or raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.result: object = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work()
        except Closed as closed:
            self.result = closed

    def join(self) -> object:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        return self.result

    @property
    def waits(self) -> bool:
        self._thread.join(0.05)
        return self._thread.is_alive()


@pytest.fixture(params=[DropOldest, Bounded])
def queue(request: pytest.FixtureRequest) -> Any:
    return request.param(2)


def test_comes_out_in_the_order_it_went_in(queue: Any) -> None:
    queue.put("a")
    queue.put("b")
    assert [queue.get(), queue.get()] == ["a", "b"]
    assert len(queue) == 0


def test_an_empty_queue_gives_none_after_the_timeout(queue: Any) -> None:
    assert queue.get(0.01) is None


def test_whoever_waits_gets_the_next_item(queue: Any) -> None:
    waiting = Started(lambda: queue.get(WAIT_S))
    queue.put("late")
    assert waiting.join() == "late"


def test_what_was_put_before_closing_still_comes_out(queue: Any) -> None:
    queue.put("last")
    queue.close()
    queue.close()
    assert queue.get(0) == "last"
    with pytest.raises(Closed):
        queue.get(0)


def test_nothing_goes_into_a_closed_queue(queue: Any) -> None:
    queue.close()
    with pytest.raises(Closed):
        queue.put("too late")


def test_closing_wakes_whoever_waits_for_an_item(queue: Any) -> None:
    waiting = Started(queue.get)
    assert waiting.waits
    queue.close()
    assert isinstance(waiting.join(), Closed)


@pytest.mark.parametrize("kind", [DropOldest, Bounded])
def test_a_queue_holds_at_least_one(kind: Any) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        kind(0)


def test_a_full_frame_queue_loses_its_oldest_and_says_so() -> None:
    frames: DropOldest[int] = DropOldest(2)
    assert [frames.put(n) for n in range(5)] == [0, 0, 1, 1, 1]
    assert frames.dropped == 3
    assert [frames.get(0), frames.get(0)] == [3, 4]


def test_every_frame_is_taken_or_counted_as_dropped() -> None:
    frames: DropOldest[int] = DropOldest(2)

    def take_all() -> list[int]:
        taken: list[int] = []
        try:
            while (frame := frames.get()) is not None:
                taken.append(frame)
        except Closed:
            pass
        return taken

    taker = Started(take_all)
    for n in range(1, 2001):
        frames.put(n)
    frames.close()
    taken = taker.join()
    assert isinstance(taken, list)
    assert taken == sorted(taken)
    assert len(taken) + frames.dropped == 2000


def test_a_full_read_queue_makes_putting_wait_and_loses_nothing() -> None:
    reads: Bounded[int] = Bounded(2)

    def put_all() -> int:
        return sum(reads.put(n) for n in range(50))

    putter = Started(put_all)
    assert putter.waits
    assert len(reads) == 2
    assert [reads.get(WAIT_S) for _ in range(50)] == list(range(50))
    assert putter.join() == 50


def test_a_read_that_found_no_room_in_time_was_not_added() -> None:
    reads: Bounded[str] = Bounded(1)
    assert reads.put("kept", 0.01) is True
    assert reads.put("refused", 0.01) is False
    assert reads.get(0) == "kept"
    assert len(reads) == 0


def test_closing_wakes_whoever_waits_for_room() -> None:
    reads: Bounded[int] = Bounded(1)
    reads.put(1)
    waiting = Started(lambda: reads.put(2))
    assert waiting.waits
    reads.close()
    assert isinstance(waiting.join(), Closed)
