"""The real uplink service in a test: a real outbox and a real uplink, served in a thread."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from anpr_edge.daemon.notify import NullNotifier
from anpr_edge.daemon.state import StateReport
from anpr_edge.daemon.traffic import Traffic
from anpr_edge.daemon.uplinkd import UplinkService
from anpr_edge.dailycounts import DailyCounts
from anpr_edge.devices.clock import SystemClock
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import SealedRead
from anpr_edge.statefile import StateFile, read_state
from anpr_edge.uplink.mqtt import MqttUplink
from anpr_edge.uplink.shaper import Shaper
from tests.integration.conftest import FEED, FLEET, UNIT, Site
from tests.integration.helpers import new_uplink

WINDOW = 20


def _made_up(feed: str, size: int, seq: int, previous: bytes) -> SealedRead:
    return SealedRead(feed, seq, bytes(size))


@dataclass
class Service:
    """A running service; `state` is what it last wrote of itself."""

    directory: Path
    outbox: SqliteOutbox
    uplink: MqttUplink

    def keep(self, *sizes: int, feed: str = FEED) -> list[int]:
        """Keep one read for each size of its ciphertext; returns their numbers."""
        kept = []
        for size in sizes:
            kept += self.outbox.append([(feed, partial(_made_up, feed, size))])
        return [read.seq for read in kept]

    @property
    def state(self) -> dict[str, Any]:
        return read_state(self.directory / "uplink.json") or {}

    def counts(self, feed: str = FEED) -> tuple[int, int]:
        """Reads of a feed that wait, and that are sent."""
        stats = self.outbox.stats()[feed]
        return stats.waiting, stats.sent


def new_outbox(directory: Path, feeds: tuple[str, ...]) -> SqliteOutbox:
    return SqliteOutbox(
        directory / "outbox.db",
        SystemClock(),
        max_bytes=1 << 24,
        retention=dict.fromkeys(feeds, timedelta(hours=1)),
        start=lambda: 1,
    )


@contextmanager
def serving(
    site: Site,
    directory: Path,
    *,
    port: int,
    feeds: tuple[str, ...] = (FEED,),
    backlog_per_s: float = 1000.0,
    limit_bytes: int | None = None,
    clock: SystemClock | None = None,
    notifier: NullNotifier | None = None,
    **more: Any,
) -> Iterator[Service]:
    """The service runs while the block does; `more` goes to the uplink."""
    clock = clock or SystemClock()
    uplink = new_uplink(site, port=port, feeds=feeds, clock=clock, **more)
    outbox = new_outbox(directory, feeds)
    traffic = Traffic(DailyCounts(directory / "counts-link.json", clock), limit_bytes)
    service = UplinkService(
        outbox,
        uplink,
        clock,
        notifier or NullNotifier(),
        StateReport("uplink", StateFile(directory / "uplink.json"), clock),
        fleet=FLEET,
        unit=UNIT,
        unit_kid=bytes(32),
        ack_keys={},
        shaper=Shaper(
            clock,
            random.Random(1),
            window=WINDOW,
            backlog_per_s=backlog_per_s,
            spread_s=0.0,
            unconfirmed=1000,
            thrifty=traffic.is_nearly_spent,
        ),
        traffic=traffic,
        publish_health=uplink.report_health,
        daily=DailyCounts(directory / "counts.json", clock),
        wire=lambda: uplink.wire,
        link_state=uplink.state,
    )
    watchdog = service.watchdog
    uplink.report_life(partial(watchdog.stages.beat, "link"), partial(watchdog.helpers.doing, "probe"))
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    try:
        yield Service(directory, outbox, uplink)
    finally:
        service.stop()
        thread.join(20.0)
        outbox.close()
