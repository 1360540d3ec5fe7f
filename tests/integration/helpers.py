"""Short words for the integration tests: make an uplink, wait for what it says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import Delivery, LinkState
from anpr_edge.seams import Uplink
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.connection import Event
from anpr_edge.uplink.mqtt import MqttUplink
from anpr_edge.uplink.tls import Credentials
from tests.integration.conftest import FEED, FLEET, HOST, UNIT, Site

WITHIN_S = 30.0
"""Long enough for a busy machine; a test that waits this long has failed."""


def new_uplink(
    site: Site, *, name: str = UNIT, credentials: Credentials | None = None, policy: bytes | None = None
) -> MqttUplink:
    """An uplink of unit `name`, not started."""
    files = credentials or site.credentials(UNIT)
    return MqttUplink(
        HOST,
        site.port,
        fleet=FLEET,
        unit=name,
        feeds=[FEED],
        ca_file=files.ca_file,
        cert_file=files.cert_file,
        key_file=files.key_file,
        clock=SystemClock(),
        birth={"version": "test"},
        policy=policy,
        backoff=Backoff(random.Random(1), first_s=0.05, most_s=0.2),
    )


@contextmanager
def make_uplink(
    site: Site, *, name: str = UNIT, credentials: Credentials | None = None, policy: bytes | None = None
) -> Iterator[MqttUplink]:
    """A started uplink of unit `name`, stopped at the end."""
    uplink = new_uplink(site, name=name, credentials=credentials, policy=policy)
    uplink.start()
    try:
        yield uplink
    finally:
        uplink.stop()


def collect(uplink: Uplink, enough: Callable[[list[Event]], bool]) -> list[Event]:
    """Gather events until there are `enough`."""
    clock = SystemClock()
    deadline_ns = clock.now().mono_ns + round(WITHIN_S * 1e9)
    happened: list[Event] = []
    while not enough(happened):
        assert clock.now().mono_ns < deadline_ns, f"only {happened[-10:]} within {WITHIN_S} s"
        happened += uplink.events(0.2)
    return happened


def link_state(uplink: Uplink) -> LinkState:
    """The next change of the link."""
    happened = collect(uplink, lambda events: any(isinstance(event, LinkState) for event in events))
    return next(event for event in happened if isinstance(event, LinkState))


def link_states(uplink: Uplink, wanted: Callable[[LinkState], bool]) -> list[LinkState]:
    """Wait for a wanted change of the link; gives all that are."""

    def found(events: list[Event]) -> list[LinkState]:
        return [event for event in events if isinstance(event, LinkState) and wanted(event)]

    return found(collect(uplink, lambda events: bool(found(events))))


def deliveries(uplink: Uplink, count: int) -> list[Delivery]:
    """The next `count` deliveries."""
    happened = collect(uplink, lambda events: sum(isinstance(e, Delivery) for e in events) >= count)
    return [event for event in happened if isinstance(event, Delivery)]


def within(goal: str, within_s: float = WITHIN_S) -> Iterator[None]:
    """Go round until the caller breaks out; fails with the `goal` that was not reached in time."""
    clock = SystemClock()
    deadline_ns = clock.now().mono_ns + round(within_s * 1e9)
    while clock.now().mono_ns < deadline_ns:
        yield
    raise AssertionError(f"not within {within_s:.0f} s: {goal}")
