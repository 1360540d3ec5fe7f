"""A whole centre in a test: keys, list of units, store and subscription."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anpr_edge.central.intake import Intake, Outcome
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.central.subscriber import StoreState, Subscriber
from anpr_edge.central.units import Units
from anpr_edge.central.watermarks import Watermarks
from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import LinkState
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey, VerifyKey
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.link import LinkOptions
from tests.integration.conftest import CENTRE, FEED, FLEET, HOST, UNIT, Site
from tests.integration.helpers import within

GRACE_S = 0.5


class Centre:
    """Opens with its own key, keeps in `store_path`, and remembers every outcome."""

    def __init__(self, store_path: Path) -> None:
        self.store_path = store_path
        self.key = RecipientPrivateKey.generate()
        self.ack_key = SigningKey.generate()
        self.outcomes: list[Outcome] = []
        self.link_states: list[LinkState] = []

    @contextmanager
    def subscribed(self, site: Site, unit_key: VerifyKey, feed: str = FEED) -> Iterator[Subscriber]:
        """A running subscription; call `turn` to serve it."""
        clock = SystemClock()
        store = JsonlStore(self.store_path)
        intake = Intake(Opener(Units({UNIT: unit_key}), self.key), store, clock, grace_s=GRACE_S)
        options = LinkOptions(
            HOST, site.port, site.credentials(CENTRE), client_id=f"{FLEET}.{CENTRE}", session_expiry_s=3600
        )
        subscriber = Subscriber(
            options,
            fleet=FLEET,
            feeds=[feed],
            intake=intake,
            watermarks=Watermarks(intake, self.ack_key, clock),
            clock=clock,
            backoff=Backoff(random.Random(1), first_s=0.05, most_s=0.2),
        )
        subscriber.start()
        try:
            yield subscriber
        finally:
            subscriber.stop()
            store.close()

    def turn(self, subscriber: Subscriber) -> None:
        """Take what has arrived."""
        for one in subscriber.take(0.05):
            if isinstance(one, Outcome):
                self.outcomes.append(one)
            elif isinstance(one, StoreState):
                raise AssertionError(one.detail)
            else:
                self.link_states.append(one)

    def await_connection(self, subscriber: Subscriber) -> None:
        """Take until the broker has our subscription: it drops what nobody has subscribed to yet."""
        for _ in within("the centre is connected"):
            self.turn(subscriber)
            if self.link_states and self.link_states[-1].connected:
                return

    @property
    def plates(self) -> list[str]:
        """The plates of all new reads, in order of arrival."""
        return [outcome.opened.read.plate_text for outcome in self.outcomes if outcome.opened]
