"""A bare MQTT client of the centre's name that hears a fleet's status and health."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anpr_edge.devices.clock import SystemClock
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message
from tests.integration.conftest import CENTRE, HOST, Site
from tests.integration.helpers import within


class _Watcher:
    def __init__(self, site: Site, topic: str) -> None:
        self._topic = topic
        self.heard: list[dict[str, Any]] = []
        self.ready = threading.Event()
        options = LinkOptions(HOST, site.port, site.credentials(CENTRE), client_id="watcher")
        self.link = Link(options, self, SystemClock())

    def up(self, _: Limits) -> None:
        self.link.subscribe([self._topic])
        self.ready.set()

    def message(self, message: Message) -> None:
        self.heard.append(json.loads(message.payload))

    def answered(self, mid: int, reason_code: int) -> None:
        """A watcher publishes nothing."""

    def tick(self) -> None:
        """Nothing depends on time."""

    def leaving(self) -> None:
        """Nothing to say."""


@contextmanager
def watching(site: Site, topic: str) -> Iterator[list[dict[str, Any]]]:
    """The JSON documents heard on `topic`, in order, growing while the block runs."""
    watcher = _Watcher(site, topic)
    stopping = threading.Event()
    thread = threading.Thread(target=watcher.link.run, args=(stopping,), daemon=True)
    thread.start()
    for _ in within("the watcher is connected"):
        if watcher.ready.wait(0.05):
            break
    try:
        yield watcher.heard
    finally:
        stopping.set()
        thread.join()
