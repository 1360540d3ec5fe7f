"""One short conversation with the broker, to see how far it goes: connect, publish, hear what is retained.

It uses the unit's own certificate under another client identifier, so that a running uplink is not disturbed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message

PROBE_NAME: Final = "netcheck"
PROBE_PAYLOAD: Final = b'{"schema":1,"probe":"netcheck"}'
ANSWER_WITHIN_S: Final = 10.0
LISTEN_S: Final = 2.0
"""What is retained comes with the answer to the subscription; a mobile network may take a second."""


@dataclass(slots=True)
class Heard:
    """What happened; a time is None when it did not. `why` says how the connection ended, if early."""

    connected_ms: float | None = None
    answered_ms: float | None = None
    reason_code: int | None = None
    retained: dict[str, bytes] = field(default_factory=dict)
    """Each feed's last watermark as the broker keeps it, unverified."""

    why: str = ""


class Probe:
    """Hears what its link hears; `run` has the conversation once."""

    def __init__(
        self, options: LinkOptions, fleet: str, unit: str, feeds: Sequence[str], clock: Clock
    ) -> None:
        self._fleet = fleet
        self._unit = unit
        self._feeds = tuple(feeds)
        self._clock = clock
        self._changed = threading.Event()
        self._mid: int | None = None
        self._began_ns = self._published_ns = clock.now().mono_ns
        self._heard = Heard()
        self._link = Link(options, self, clock)

    def run(self) -> Heard:
        """Connect, publish, listen, and leave; at most some 15 s."""
        stopping = threading.Event()
        thread = threading.Thread(target=self._serve, args=(stopping,), name="probe", daemon=True)
        self._began_ns = self._clock.now().mono_ns
        thread.start()
        self._wait(ANSWER_WITHIN_S, lambda: self._heard.reason_code is not None)
        if self._heard.reason_code is not None:
            self._wait(LISTEN_S, lambda: len(self._heard.retained) == len(self._feeds))
        stopping.set()
        thread.join(ANSWER_WITHIN_S)
        return self._heard

    def up(self, _: Limits) -> None:
        self._heard.connected_ms = self._since_ms(self._began_ns)
        self._link.subscribe([topics.ack(self._fleet, self._unit, feed) for feed in self._feeds])
        self._published_ns = self._clock.now().mono_ns
        topic = topics.reply(self._fleet, self._unit, PROBE_NAME)
        self._mid = self._link.publish(topic, PROBE_PAYLOAD, content_type=topics.JSON_CONTENT_TYPE)
        self._changed.set()

    def message(self, message: Message) -> None:
        feed = topics.parse_ack(message.topic, self._fleet, self._unit)
        if feed in self._feeds and feed is not None:
            self._heard.retained[feed] = message.payload
        self._changed.set()

    def answered(self, mid: int, reason_code: int) -> None:
        if mid == self._mid:
            self._heard.answered_ms = self._since_ms(self._published_ns)
            self._heard.reason_code = reason_code
        self._changed.set()

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """A probe leaves nothing behind."""

    def _serve(self, stopping: threading.Event) -> None:
        why = self._link.run(stopping)
        if not stopping.is_set():
            self._heard.why = why
        stopping.set()
        self._changed.set()

    def _wait(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Until it is enough, the connection has ended, or so long."""
        until_ns = self._clock.now().mono_ns + round(seconds * 1e9)
        while not enough() and not self._heard.why:
            left_s = (until_ns - self._clock.now().mono_ns) / 1e9
            if left_s <= 0:
                return
            self._changed.wait(left_s)
            self._changed.clear()

    def _since_ms(self, mono_ns: int) -> float:
        return (self._clock.now().mono_ns - mono_ns) / 1e6
