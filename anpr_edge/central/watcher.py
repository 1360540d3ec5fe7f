"""The watcher's connection: what units and centres leave at the broker, into a `FleetView`."""

from __future__ import annotations

import queue
import random
import threading

from anpr_edge.central.fleet_view import FleetView
from anpr_edge.records import Instant, LinkState
from anpr_edge.seams import Clock
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.keeper import Keeper
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message

MOST_PAUSE_S = 10.0

_Heard = tuple[Message | LinkState, Instant]


class Watcher:
    """Keeps a `view` of the fleet up to date; call `wait` and `take` in a loop, from one thread."""

    def __init__(
        self, options: LinkOptions, view: FleetView, clock: Clock, *, backoff: Backoff | None = None
    ) -> None:
        self._options = options
        self._view = view
        self._clock = clock
        self._heard: queue.Queue[_Heard] = queue.Queue()
        self._waiting: list[_Heard] = []
        backoff = backoff or Backoff(random.Random(), most_s=MOST_PAUSE_S)
        self._keeper = Keeper(self._connect, clock, backoff)

    def start(self) -> None:
        """Begin to connect, and to connect again whenever needed; returns at once."""
        self._keeper.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s` for something to take. Raises: UplinkError as `take` does."""
        self._keeper.check()
        try:
            self._waiting.append(self._heard.get(timeout=timeout_s))
        except queue.Empty:
            return False
        return True

    def take(self) -> int:
        """Put into the view what has come; returns how much.

        Raises: UplinkError when the connection's thread has died of a bug.
        """
        self._keeper.check()
        try:
            while True:
                self._waiting.append(self._heard.get_nowait())
        except queue.Empty:
            pass
        for what, when in self._waiting:
            self._put(what, when)
        count = len(self._waiting)
        self._waiting.clear()
        return count

    def stop(self) -> None:
        """End the connection; harmless when called twice."""
        self._keeper.stop()

    def _put(self, what: Message | LinkState, when: Instant) -> None:
        if isinstance(what, LinkState):
            self._view.link_changed(what.connected, what.detail, when)
        else:
            self._view.hear(what.topic, what.payload, what.retained, when)

    def _connect(self, stopping: threading.Event) -> None:
        ears = _Ears(self._options, self._view.filters, self._clock, self._heard)
        why = ears.link.run(stopping)
        self._heard.put((LinkState(False, why), self._clock.now()))


class _Ears:
    """Hears what one link hears and queues it with the time it came."""

    def __init__(
        self, options: LinkOptions, filters: list[str], clock: Clock, heard: queue.Queue[_Heard]
    ) -> None:
        self._filters = filters
        self._clock = clock
        self._heard = heard
        self._state = LinkState(True, f"connected to {options.host}:{options.port}")
        self.link = Link(options, self, clock)

    def up(self, _: Limits) -> None:
        self.link.subscribe(self._filters)
        self._heard.put((self._state, self._clock.now()))

    def message(self, message: Message) -> None:
        self._heard.put((message, self._clock.now()))

    def answered(self, mid: int, reason_code: int) -> None:
        """A watcher publishes nothing."""

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """A watcher has no status to leave behind."""
