"""A metered link: the kernel's count of bytes is the proxy's, and a budget keeps the backlog back."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import NO_MATCHING_SUBSCRIBERS, Delivery, SealedRead
from tests.integration.conftest import FEED, HOST, Site, make_site
from tests.integration.helpers import deliveries, link_states, make_uplink, within
from tests.integration.service import new_outbox, serving
from tests.proxy import proxy_to
from tests.scripted_broker import scripted

LESS_THAN_A_HANDSHAKE = 2_000

HEADERS = 52
"""Of an IPv4 packet with TCP timestamps."""


@pytest.mark.broker
def test_what_the_uplink_counts_is_what_went_over_the_wire(broker: Site) -> None:
    with proxy_to(HOST, broker.port) as proxy, make_uplink(broker, port=proxy.port) as uplink:
        assert link_states(uplink, lambda state: state.connected)
        for seq in range(1, 51):
            uplink.publish(SealedRead(FEED, seq, bytes(500)))
        deliveries(uplink, 50)
        SystemClock().sleep(0.3)
        wire = uplink.wire
        proxy.cut()
        link_states(uplink, lambda state: not state.connected)
        link_states(uplink, lambda state: state.connected)
        assert uplink.wire.total > wire.total, "an ended connection still counts"
    with proxy_to(HOST, broker.port) as proxy, make_uplink(broker, port=proxy.port) as uplink:
        assert link_states(uplink, lambda state: state.connected)
        uplink.publish(SealedRead(FEED, 1, bytes(50_000)))
        deliveries(uplink, 1)
        SystemClock().sleep(0.3)
        sent, received = uplink.wire.sent, uplink.wire.received
        assert proxy.up_bytes < sent < proxy.up_bytes + 60 * HEADERS
        assert proxy.down_bytes < received < proxy.down_bytes + 60 * HEADERS


def test_with_the_budget_nearly_spent_live_reads_go_and_the_backlog_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anpr_edge.outbox.delivery.FIRST_RETRY_NS", 1)
    place = make_site(tmp_path)
    outbox = new_outbox(tmp_path, (FEED,))
    old = [outbox.append([(FEED, lambda seq, _: SealedRead(FEED, seq, bytes(100)))])[0] for _ in range(10)]
    outbox.record([Delivery(FEED, read.seq, NO_MATCHING_SUBSCRIBERS) for read in old])
    outbox.close()
    with scripted(place) as broker:
        with serving(place, tmp_path, port=broker.port, limit_bytes=LESS_THAN_A_HANDSHAKE) as service:
            for _ in within("it is connected"):
                if service.state.get("link", {}).get("connected"):
                    break
            service.keep(100, 100, 100)
            for _ in within("the live reads have gone"):
                if service.counts()[1] >= 3:
                    break
            SystemClock().sleep(1.2)
            assert service.counts() == (10, 3)
            assert service.state["traffic"]["budget"] == "spent"
            assert service.state["shaping"]["backlog"] == "saving"
        with serving(place, tmp_path, port=broker.port, limit_bytes=LESS_THAN_A_HANDSHAKE) as service:
            for _ in within("a restart knows what was spent"):
                if service.state.get("traffic", {}).get("today_bytes", 0) > LESS_THAN_A_HANDSHAKE:
                    break
            SystemClock().sleep(1.0)
            assert service.counts() == (10, 3)
        with serving(place, tmp_path, port=broker.port, limit_bytes=10_000_000) as service:
            for _ in within("the backlog has gone"):
                if service.counts() == (0, 13):
                    break
