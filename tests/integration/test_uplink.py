"""The unit's uplink against a real broker: deliveries, refusals, and why a link is down."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.broker import ACCESS_FILE
from anpr_edge.records import NO_MATCHING_SUBSCRIBERS, LinkState, SealedRead
from anpr_edge.uplink import topics
from tests.fakes import FakeClock
from tests.integration.conftest import FEED, FLEET, HOST, UNIT, Site, make_site, write_credentials
from tests.integration.helpers import deliveries, link_state, link_states, make_uplink, within
from tests.integration.watcher import leave, watching
from tests.proxy import proxy_to

pytestmark = pytest.mark.broker

FAILURE = 0x80
NOT_AUTHORISED = 0x87
PACKET_TOO_LARGE = 0x95
LONG_AGO_S = -3 * 365 * 86_400


def test_every_publish_is_answered_once(broker: Site) -> None:
    with make_uplink(broker) as uplink:
        assert link_state(uplink).connected
        for seq in range(1, 101):
            uplink.publish(SealedRead(FEED, seq, b"sealed"))
        answered = deliveries(uplink, 100)
        assert uplink.in_flight == 0
    assert sorted(delivery.seq for delivery in answered) == list(range(1, 101))
    assert {delivery.reason_code for delivery in answered} == {NO_MATCHING_SUBSCRIBERS}


def test_a_unit_cannot_use_another_units_name(broker: Site) -> None:
    with make_uplink(broker, name="unit-0002", credentials=broker.credentials(UNIT)) as uplink:
        state = link_states(uplink, lambda state: not state.connected)[0]
    assert "Not authorized" in state.detail


def test_a_read_the_broker_does_not_want_is_a_refused_delivery(site: Site) -> None:
    access = site.config.with_name(ACCESS_FILE)
    access.write_text(access.read_text().replace("reads/+", "reads/another"))
    with site.broker(), make_uplink(site) as uplink:
        assert link_state(uplink).connected
        uplink.publish(SealedRead(FEED, 1, b"sealed"))
        (delivery,) = deliveries(uplink, 1)
    assert delivery.reason_code == NOT_AUTHORISED
    assert not delivery.accepted


def test_a_read_the_broker_cannot_carry_is_refused_and_the_link_stays(broker: Site) -> None:
    with make_uplink(broker) as uplink:
        assert link_state(uplink).connected
        uplink.publish(SealedRead(FEED, 1, bytes(70_000)))
        uplink.publish(SealedRead(FEED, 2, b"sealed"))
        answered = deliveries(uplink, 2)
    assert {delivery.seq: delivery.reason_code for delivery in answered} == {
        1: PACKET_TOO_LARGE,
        2: NO_MATCHING_SUBSCRIBERS,
    }


def test_publishing_without_a_connection_is_answered_by_the_links_state(site: Site) -> None:
    with make_uplink(site) as uplink:
        uplink.publish(SealedRead(FEED, 1, b"sealed"))
        assert not link_state(uplink).connected


def test_a_broker_that_comes_later_is_found(site: Site) -> None:
    with make_uplink(site) as uplink:
        state = link_state(uplink)
        assert not state.connected
        assert "nothing listens there" in state.detail
        with site.broker():
            assert link_states(uplink, lambda state: state.connected)


def test_a_broker_of_another_authority_is_named_as_such(broker: Site, tmp_path: Path) -> None:
    stranger = Authority.create(tmp_path / "stranger", "stranger", SystemClock())
    files = write_credentials(tmp_path / "mine", stranger, broker.authority.issue_client(UNIT))
    with make_uplink(broker, credentials=files) as uplink:
        state = link_state(uplink)
    assert not state.connected
    assert "from an authority we do not trust" in state.detail


def test_our_certificate_of_another_authority_is_named_as_such(broker: Site, tmp_path: Path) -> None:
    stranger = Authority.create(tmp_path / "stranger", "stranger", SystemClock())
    files = write_credentials(tmp_path / "mine", broker.authority, stranger.issue_client(UNIT))
    with make_uplink(broker, credentials=files) as uplink:
        state = link_state(uplink)
    assert not state.connected
    assert "does not trust the authority that issued our certificate" in state.detail


def test_our_expired_certificate_is_named_as_such(broker: Site, tmp_path: Path) -> None:
    then = FakeClock(SystemClock().now().utc_ns)
    then.step_utc(LONG_AGO_S)
    old = Authority.load(tmp_path / "authority", then)
    files = write_credentials(tmp_path / "mine", broker.authority, old.issue_client(UNIT))
    with make_uplink(broker, credentials=files) as uplink:
        state = link_state(uplink)
    assert not state.connected
    assert "our certificate has expired" in state.detail


def test_a_broker_by_another_name_is_named_as_such(tmp_path: Path) -> None:
    site = make_site(tmp_path, server_name="broker.example")
    with site.broker(), make_uplink(site) as uplink:
        state = link_state(uplink)
    assert not state.connected
    assert "certificate is for another address" in state.detail


def test_a_client_that_offers_tls_1_2_is_turned_away(broker: Site) -> None:
    context = broker.credentials(UNIT).context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((HOST, broker.port)) as plain, pytest.raises(ssl.SSLError, match="VERSION"):
        context.wrap_socket(plain, server_hostname=HOST)


def test_a_client_without_a_certificate_is_turned_away(broker: Site) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _greet_without_certificate(broker)


def _greet_without_certificate(site: Site) -> bytes:
    """What the broker says to a CONNECT from nobody; an orderly end of the connection is raised too."""
    context = ssl.create_default_context(cafile=str(site.listener.ca_file))
    with (
        socket.create_connection((HOST, site.port)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as tls,
    ):
        tls.sendall(bytes.fromhex("101000044d5154540502003c00000361626300"))
        said = tls.recv(1)
    if not said:
        raise ConnectionError("closed")
    return said


def test_status_tells_birth_and_farewell(broker: Site) -> None:
    with watching(broker, topics.status(FLEET, UNIT)) as heard:
        with make_uplink(broker) as uplink:
            assert link_state(uplink).connected
        for _ in within("birth and farewell were heard"):
            if len(heard) >= 2:
                break
    assert heard == [
        {"schema": 1, "state": "online", "version": "test"},
        {"schema": 1, "state": "offline", "reason": "stopped"},
    ]


def test_status_tells_that_a_unit_was_lost(broker: Site) -> None:
    with (
        watching(broker, topics.status(FLEET, UNIT)) as heard,
        proxy_to(HOST, broker.port) as proxy,
        make_uplink(broker, port=proxy.port) as uplink,
    ):
        assert link_state(uplink).connected
        proxy.cut()
        for _ in within("the loss was heard"):
            if {"schema": 1, "state": "offline", "reason": "lost"} in heard:
                break


def test_two_clients_of_one_identity_do_not_quarrel_for_ever(broker: Site) -> None:
    """mosquitto 2.0 tells neither: that they end each other is known by how it looks."""
    with make_uplink(broker) as one, make_uplink(broker) as other:
        for _ in within("one of them has understood"):
            states = [event for uplink in (one, other) for event in uplink.events(0.05)]
            causes = [state.cause for state in states if isinstance(state, LinkState)]
            if "taken-over" in causes:
                break
        SystemClock().sleep(1.0)
        one.events(0.1), other.events(0.1)
        assert not [event for event in one.events(1.0) + other.events(1.0) if isinstance(event, LinkState)]


def test_health_reaches_the_centre(broker: Site) -> None:
    with watching(broker, topics.health(FLEET, UNIT)) as heard, make_uplink(broker) as uplink:
        assert not uplink.report_health({"schema": 1})
        assert link_state(uplink).connected
        assert uplink.report_health({"schema": 1, "rate": 3})
        for _ in within("health was heard"):
            if heard:
                break
    assert heard == [{"schema": 1, "rate": 3}]


def test_the_centre_may_acknowledge_its_own_feed_only(broker: Site) -> None:
    assert leave(broker, topics.ack(FLEET, UNIT, FEED), b"signed") < FAILURE
    assert leave(broker, topics.ack(FLEET, UNIT, "police"), b"signed") == NOT_AUTHORISED
    assert leave(broker, topics.reads(FLEET, UNIT, FEED), b"forged") == NOT_AUTHORISED
    assert leave(broker, topics.status(FLEET, UNIT), b"{}") == NOT_AUTHORISED
