"""What every Uplink promises, the real one over a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from anpr_edge.errors import UplinkError
from anpr_edge.fleet.broker import find_mosquitto
from anpr_edge.records import Delivery, LinkState, SealedRead, SignedMessage
from anpr_edge.seams import Uplink
from anpr_edge.uplink import topics
from tests.fakes import FakeUplink
from tests.integration.conftest import FEED, FLEET, UNIT, make_site
from tests.integration.helpers import collect, link_states, new_uplink
from tests.integration.watcher import leave

Event = Delivery | SignedMessage | LinkState


@dataclass(frozen=True)
class Bench:
    """An uplink that is not started, its broker's switch, and a way to leave a watermark there."""

    uplink: Uplink
    switch_on: Callable[[], None]
    leave_ack: Callable[[bytes], None]


@pytest.fixture(params=[pytest.param("mqtt", marks=pytest.mark.broker), "fake"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as running:
        made = _fake() if request.param == "fake" else _real(tmp_path, running)
        running.callback(made.uplink.stop)
        yield made


def _fake() -> Bench:
    uplink = FakeUplink()
    return Bench(uplink, uplink.switch_on, lambda payload: uplink.leave_ack(FEED, payload))


def _real(directory: Path, running: ExitStack) -> Bench:
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    site = make_site(directory)

    def switch_on() -> None:
        running.enter_context(site.broker())

    def leave_ack(payload: bytes) -> None:
        leave(site, topics.ack(FLEET, UNIT, FEED), payload)

    return Bench(new_uplink(site), switch_on, leave_ack)


def seqs_of(events: list[Event]) -> list[int]:
    return sorted(event.seq for event in events if isinstance(event, Delivery))


def connect(bench: Bench) -> None:
    bench.switch_on()
    bench.uplink.start()
    assert link_states(bench.uplink, lambda state: state.connected)


def test_it_tells_when_it_is_connected(bench: Bench) -> None:
    connect(bench)


def test_a_broker_that_is_not_there_yet_is_met_later(bench: Bench) -> None:
    bench.uplink.start()
    bench.switch_on()
    assert link_states(bench.uplink, lambda state: state.connected)


def test_each_publish_has_one_delivery(bench: Bench) -> None:
    connect(bench)
    for seq in range(1, 51):
        bench.uplink.publish(SealedRead(FEED, seq, b"sealed"))
    happened = collect(bench.uplink, lambda events: len(seqs_of(events)) >= 50)
    assert seqs_of(happened + bench.uplink.events(0.2)) == list(range(1, 51))


def test_a_publish_without_connection_is_answered_by_the_state_of_the_link(bench: Bench) -> None:
    bench.uplink.start()
    bench.uplink.publish(SealedRead(FEED, 1, b"sealed"))
    assert link_states(bench.uplink, lambda state: not state.connected)


def test_what_the_centre_left_comes_down_as_it_is(bench: Bench) -> None:
    bench.switch_on()
    bench.leave_ack(b"signed")
    bench.uplink.start()
    happened = collect(bench.uplink, lambda events: any(isinstance(event, SignedMessage) for event in events))
    assert SignedMessage("ack", FEED, b"signed") in happened


def test_what_the_centre_sends_meanwhile_comes_down_too(bench: Bench) -> None:
    connect(bench)
    bench.leave_ack(b"signed")
    happened = collect(bench.uplink, lambda events: any(isinstance(event, SignedMessage) for event in events))
    assert SignedMessage("ack", FEED, b"signed") in happened


def test_nothing_happened_is_an_empty_list(bench: Bench) -> None:
    assert bench.uplink.events(0.0) == []


def test_a_stop_is_told_and_may_be_repeated(bench: Bench) -> None:
    connect(bench)
    bench.uplink.stop()
    bench.uplink.stop()
    assert link_states(bench.uplink, lambda state: not state.connected)


def test_an_uplink_that_never_started_can_be_stopped(bench: Bench) -> None:
    bench.uplink.stop()
    assert bench.uplink.events(0.0) == []
