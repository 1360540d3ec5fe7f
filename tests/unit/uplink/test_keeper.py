"""A connection is made again after each end, with growing pauses unless it lived, and a dead thread shows."""

from __future__ import annotations

import random
import threading

import pytest

from anpr_edge.errors import UplinkError
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.keeper import STEADY_AFTER_S, Keeper
from tests.fakes import FakeClock


class CountingBackoff(Backoff):
    """Never waits, and counts how often it was asked and reset."""

    def __init__(self) -> None:
        super().__init__(random.Random())
        self.asked = 0
        self.resets = 0

    def next_delay_s(self) -> float:
        self.asked += 1
        return 0.0

    def reset(self) -> None:
        self.resets += 1


class Connections:
    """Each lasts `lasting_s` by the clock; after `count` of them the last one stays until stopped."""

    def __init__(self, count: int, lasting_s: float = 0.0) -> None:
        self.clock = FakeClock()
        self.backoff = CountingBackoff()
        self.made = 0
        self.staying = threading.Event()
        self._count = count
        self._lasting_s = lasting_s

    def connect(self, stopping: threading.Event) -> None:
        self.made += 1
        self.clock.advance(self._lasting_s)
        if self.made == self._count:
            self.staying.set()
            stopping.wait()

    def run(self) -> None:
        """Go through all of them."""
        keeper = Keeper(self.connect, self.clock, self.backoff)
        keeper.start()
        self.staying.wait()
        keeper.check()
        keeper.stop()
        keeper.stop()
        keeper.check()


def test_an_ended_connection_is_followed_by_another_after_a_pause() -> None:
    connections = Connections(4)
    connections.run()
    assert connections.made == 4
    assert connections.backoff.asked >= 3
    assert connections.backoff.resets == 0


def test_a_connection_that_lived_resets_the_pauses() -> None:
    connections = Connections(4, lasting_s=STEADY_AFTER_S + 1)
    connections.run()
    assert connections.backoff.resets >= 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_thread_does_not_stay_unseen() -> None:
    died = threading.Event()

    def connect(_: threading.Event) -> None:
        died.set()
        raise RuntimeError("a bug")

    keeper = Keeper(connect, FakeClock(), CountingBackoff())
    keeper.check()
    keeper.start()
    died.wait()
    keeper._thread.join()
    with pytest.raises(UplinkError, match="has died"):
        keeper.check()
    keeper.stop()


def test_one_that_was_never_started_can_be_stopped() -> None:
    Keeper(Connections(1).connect, FakeClock(), CountingBackoff()).stop()
