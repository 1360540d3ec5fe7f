"""Several brokers: the first one dies, says nothing or goes silent, and comes back; no read is lost."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from anpr_edge.central.intake import Verdict
from anpr_edge.central.subscriber import Subscriber
from anpr_edge.uplink.brokers import Address, Failover
from anpr_edge.uplink.mqtt import MqttUplink
from tests.integration.centre import Centre
from tests.integration.conftest import HOST, Site, another_site
from tests.integration.helpers import link_states, make_uplink, within
from tests.integration.unit import RoadsideUnit
from tests.proxy import proxy_to
from tests.scripted_broker import Script, scripted

pytestmark = pytest.mark.broker

QUICKLY = Failover(failures=2, after_s=5.0, return_s=1.0)
WINDOW = 20


def is_on_standby(uplink: MqttUplink) -> bool:
    state = uplink.state()["broker"]
    assert isinstance(state, dict)
    return bool(state["on_standby"])


def test_a_dead_broker_is_left_and_returned_to_and_every_read_arrives_once(
    site: Site, tmp_path: Path
) -> None:
    centre = Centre(tmp_path / "reads.jsonl")
    unit = RoadsideUnit(tmp_path, centre.key.public, centre.ack_key.public)
    second = another_site(site, "second")
    standbys = [Address(HOST, second.port)]
    seen = 0

    def drive(goal: str, reached: Callable[[], bool], subscribers: list[Subscriber]) -> None:
        nonlocal seen
        for _ in within(goal):
            seen += 1
            unit.see(seen)
            unit.turn(uplink)
            for subscriber in subscribers:
                centre.turn(subscriber)
            if reached():
                return

    with (
        second.broker(),
        centre.subscribed_to([site, second], unit.signing_key.public) as subscribers,
        make_uplink(site, standbys=standbys, failover=QUICKLY) as uplink,
    ):
        with site.broker() as process:
            drive("reads arrive", lambda: len(centre.plates) >= 20, subscribers)
            drive("it uses the one it prefers", lambda: not is_on_standby(uplink), subscribers)
            process.kill()
            process.wait()
        before = len(centre.plates)
        drive("reads arrive by the standby", lambda: len(centre.plates) >= before + 20, subscribers)
        assert is_on_standby(uplink)
        with site.broker():
            drive("it has returned", lambda: not is_on_standby(uplink), subscribers)
            before = len(centre.plates)
            drive("reads arrive by the first", lambda: len(centre.plates) >= before + 20, subscribers)
            for _ in within("the outbox is empty"):
                unit.turn(uplink)
                for subscriber in subscribers:
                    centre.turn(subscriber)
                if unit.kept == 0:
                    break
    new = [outcome for outcome in centre.outcomes if outcome.verdict is Verdict.NEW]
    again = [outcome for outcome in centre.outcomes if outcome.verdict is Verdict.REPEAT]
    assert len(new) == seen
    assert sorted(centre.plates) == [f"TE{number:05d}" for number in range(1, seen + 1)]
    assert len(again) <= 2 * WINDOW, "no more than what was unanswered when a connection ended"


def test_a_broker_that_takes_tcp_and_says_nothing_is_left(broker: Site) -> None:
    with socket.create_server((HOST, 0)) as mute:
        failover = Failover(failures=1, after_s=60.0)
        port = mute.getsockname()[1]
        standbys = [Address(HOST, broker.port)]
        with make_uplink(broker, port=port, standbys=standbys, failover=failover) as uplink:
            link_states(uplink, lambda state: state.connected and state.broker.endswith(str(broker.port)))


def test_a_broker_that_takes_tls_and_says_nothing_is_left(broker: Site) -> None:
    failover = Failover(failures=1, after_s=60.0)
    with (
        scripted(broker, Script(connack=None)) as mute,
        make_uplink(
            broker, port=mute.port, standbys=[Address(HOST, broker.port)], failover=failover
        ) as uplink,
    ):
        link_states(uplink, lambda state: state.connected and state.broker.endswith(str(broker.port)))


def test_a_broker_that_goes_silent_is_noticed_by_the_keep_alive(broker: Site) -> None:
    with proxy_to(HOST, broker.port) as proxy, make_uplink(broker, port=proxy.port, keep_alive_s=1) as uplink:
        assert link_states(uplink, lambda state: state.connected)
        proxy.go_silent()
        (lost,) = link_states(uplink, lambda state: not state.connected)
        assert "no sign of life for 1 s" in lost.detail
        proxy.speak()
        assert link_states(uplink, lambda state: state.connected)


def test_a_preferred_broker_that_is_not_back_interrupts_nothing(broker: Site) -> None:
    with (
        scripted(broker, Script(connack=0x88)) as first,
        make_uplink(
            broker, port=first.port, standbys=[Address(HOST, broker.port)], failover=QUICKLY
        ) as uplink,
    ):
        link_states(uplink, lambda state: state.connected)
        for _ in within("it has been asked again"):
            assert not uplink.events(0.2), "it is asked aside, and the standby goes on"
            if len(first.heard.connects) >= 3:
                break
        assert is_on_standby(uplink)
