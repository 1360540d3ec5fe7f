"""A bare MQTT client of the centre's name: hears a unit's status and health, leaves messages for it."""

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


class _Client:
    def __init__(self, site: Site, filters: list[str]) -> None:
        self._filters = filters
        self.heard: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.ready = threading.Event()
        options = LinkOptions(HOST, site.port, site.credentials(CENTRE), client_id="watcher")
        self.link = Link(options, self, SystemClock())

    def up(self, _: Limits) -> None:
        self.link.subscribe(self._filters)
        self.ready.set()

    def message(self, message: Message) -> None:
        self.heard.append(json.loads(message.payload))

    def answered(self, mid: int, reason_code: int) -> None:
        self.answers.append(reason_code)

    def tick(self) -> None:
        """Nothing depends on time."""

    def leaving(self) -> None:
        """Nothing to say."""


@contextmanager
def _connected(site: Site, filters: list[str]) -> Iterator[_Client]:
    client = _Client(site, filters)
    stopping = threading.Event()
    thread = threading.Thread(target=client.link.run, args=(stopping,), daemon=True)
    thread.start()
    try:
        for _ in within("the watcher is connected"):
            if client.ready.wait(0.05):
                break
        yield client
    finally:
        stopping.set()
        thread.join()


@contextmanager
def watching(site: Site, topic: str) -> Iterator[list[dict[str, Any]]]:
    """The JSON documents heard on `topic`, in order, growing while the block runs."""
    with _connected(site, [topic]) as client:
        yield client.heard


def leave(site: Site, topic: str, payload: bytes) -> int:
    """Publish `payload` retained, as the centre; returns the broker's reason code."""
    with _connected(site, []) as client:
        client.link.publish(topic, payload, content_type="application/cose", retain=True)
        for _ in within("the broker has answered"):
            if client.answers:
                break
        return client.answers[0]
