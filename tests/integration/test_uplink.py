"""The unit's uplink against a real broker: deliveries, refusals, and why a link is down."""

from __future__ import annotations

import pytest

from anpr_edge.records import SealedRead
from tests.integration.conftest import FEED, Site
from tests.integration.helpers import deliveries, link_state, make_uplink

pytestmark = pytest.mark.broker


def test_every_publish_is_answered_once(broker: Site) -> None:
    with make_uplink(broker) as uplink:
        assert link_state(uplink).connected
        for seq in range(1, 101):
            uplink.publish(SealedRead(FEED, seq, b"sealed"))
        answered = deliveries(uplink, 100)
    assert sorted(delivery.seq for delivery in answered) == list(range(1, 101))
    assert all(delivery.accepted for delivery in answered)
