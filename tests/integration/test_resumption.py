"""What a connection after the first one needs not do again: subscribe, and show certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.records import LinkState, SealedRead, SignedMessage
from anpr_edge.uplink import topics
from anpr_edge.uplink.mqtt import MqttUplink
from tests.integration.conftest import FEED, FLEET, HOST, UNIT, Site, make_site
from tests.integration.helpers import collect, deliveries, link_states, make_uplink, new_uplink, within
from tests.integration.watcher import leave
from tests.proxy import Proxy, proxy_to
from tests.scripted_broker import Script, scripted

SPARED_BYTES = 1500
"""Both sides' certificates and proofs; the rest grows with what the TLS library offers (ML-KEM: 2.3 kB)."""


def prove(uplink: MqttUplink) -> None:
    """Wait for the connection, and until it has carried all of its beginning."""
    link_states(uplink, lambda state: state.connected)
    uplink.publish(SealedRead(FEED, 1, b"sealed"))
    deliveries(uplink, 1)


def reconnect(uplink: MqttUplink, proxy: Proxy) -> int:
    """Cut the connection and wait for the next; returns the bytes that took, of TCP payload both ways."""
    before = proxy.up_bytes + proxy.down_bytes
    proxy.cut()
    link_states(uplink, lambda state: not state.connected)
    prove(uplink)
    return proxy.up_bytes + proxy.down_bytes - before


@pytest.mark.broker
def test_a_reconnect_resumes_tls_and_the_session(broker: Site) -> None:
    with proxy_to(HOST, broker.port) as proxy, make_uplink(broker, port=proxy.port) as uplink:
        link_states(uplink, lambda state: state.connected)
        uplink.publish(SealedRead(FEED, 1, b"sealed"))
        deliveries(uplink, 1)
        first = proxy.up_bytes + proxy.down_bytes
        assert reconnect(uplink, proxy) < first - SPARED_BYTES
        assert reconnect(uplink, proxy) < first - SPARED_BYTES


def test_a_session_that_is_there_is_not_subscribed_again(tmp_path: Path) -> None:
    place = make_site(tmp_path)
    with (
        scripted(place) as broker,
        proxy_to(HOST, broker.port) as proxy,
        make_uplink(place, port=proxy.port) as uplink,
    ):
        prove(uplink)
        reconnect(uplink, proxy)
        assert broker.heard.subscribes == 2, "the broker said that there is no session"
        broker.script = Script(session_present=True)
        reconnect(uplink, proxy)
        reconnect(uplink, proxy)
    assert broker.heard.subscribes == 2
    clean_start = [body[7] & 0x02 for body in broker.heard.connects]
    assert not any(clean_start)


def test_a_session_of_an_earlier_process_is_subscribed_again(tmp_path: Path) -> None:
    place = make_site(tmp_path)
    with (
        scripted(place, Script(session_present=True)) as broker,
        make_uplink(place, port=broker.port) as uplink,
    ):
        link_states(uplink, lambda state: state.connected)
        for _ in within("it has subscribed"):
            if broker.heard.subscribes:
                break


@pytest.mark.broker
def test_what_was_sent_while_a_unit_was_away_comes_with_its_session(broker: Site) -> None:
    with proxy_to(HOST, broker.port) as proxy, make_uplink(broker, port=proxy.port) as uplink:
        prove(uplink)
        proxy.go_silent()
        proxy.cut()
        leave(broker, topics.ack(FLEET, UNIT, FEED), b"signed meanwhile")
        proxy.speak()
        happened = collect(uplink, lambda events: any(isinstance(event, SignedMessage) for event in events))
    assert SignedMessage("ack", FEED, b"signed meanwhile") in happened


@pytest.mark.broker
def test_a_session_that_has_ended_is_begun_anew(site: Site) -> None:
    uplink = new_uplink(site)
    with site.broker() as process:
        uplink.start()
        link_states(uplink, lambda state: state.connected)
        process.kill()
        process.wait()
    for file in (site.config.parent / "state").iterdir():
        file.unlink()
    with site.broker():
        try:
            link_states(uplink, lambda state: state.connected)
            leave(site, topics.ack(FLEET, UNIT, FEED), b"signed")
            happened = collect(
                uplink, lambda events: any(isinstance(event, SignedMessage) for event in events)
            )
        finally:
            uplink.stop()
    assert not [event for event in happened if isinstance(event, LinkState)]
