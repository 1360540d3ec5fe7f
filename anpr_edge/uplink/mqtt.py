"""The unit's side of the broker: sealed reads up, signed watermarks down.

The outbox owns retry. What the broker had not answered when a connection ended is forgotten here:
a `LinkState(False)` in `events` says so, and the outbox offers those reads again.
"""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from anpr_edge.records import LinkState, SealedRead
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.connection import Connection, Event, Speaker, to_json
from anpr_edge.uplink.keeper import Keeper
from anpr_edge.uplink.link import LinkOptions, Will
from anpr_edge.uplink.tls import Credentials


class MqttUplink:
    """One unit's lasting connection to its broker; makes itself anew whenever it breaks.

    Every `publish` is answered in `events` by exactly one `Delivery`, or else a `LinkState` with
    `connected` False comes after it. `birth` is added to the retained status (versions, models);
    `policy` is left retained on the unit's policy topic, when there is one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        fleet: str,
        unit: str,
        feeds: Iterable[str],
        ca_file: Path,
        cert_file: Path,
        key_file: Path,
        clock: Clock,
        keep_alive_s: int = 30,
        in_flight: int = 20,
        birth: Mapping[str, object] | None = None,
        policy: bytes | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._speaker = Speaker(fleet, unit, tuple(feeds), dict(birth or {}), policy)
        will = Will(
            topics.status(fleet, unit),
            self._speaker.status("offline", reason="lost"),
            topics.JSON_CONTENT_TYPE,
        )
        self._options = LinkOptions(
            host=host,
            port=port,
            credentials=Credentials(ca_file, cert_file, key_file),
            client_id=f"{fleet}.{unit}",
            keep_alive_s=keep_alive_s,
            in_flight=in_flight,
            will=will,
        )
        self._clock = clock
        self._happened: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._keeper = Keeper(self._connect, clock, backoff or Backoff(random.Random()))

    @property
    def in_flight(self) -> int:
        """How many publishes the broker has not answered yet."""
        connection = self._connection
        return len(connection.window) if connection else 0

    def start(self) -> None:
        """Begin to connect, and to connect again whenever needed; returns at once."""
        self._keeper.start()

    def publish(self, read: SealedRead) -> None:
        """Hand one read to the broker, waiting while the in-flight window is full."""
        connection = self._connection
        if connection is None or not connection.publish(read):
            self._happened.put(LinkState(False, "not connected"))
            self._repeat_if_up()

    def report_health(self, health: Mapping[str, object]) -> bool:
        """Publish the unit's health (no personal data in it); False when there is no connection."""
        connection = self._connection
        return connection is not None and connection.report_health(to_json(health))

    def reply(self, name: str, payload: bytes, correlation: bytes) -> bool:
        """Publish a reply to the command `name`; False when that is not possible just now."""
        connection = self._connection
        return connection is not None and connection.reply(name, payload, correlation)

    def events(self, timeout_s: float) -> list[Event]:
        """What happened since the last call, waiting up to `timeout_s` for the first.

        Raises: UplinkError when the connection's thread has died of a bug.
        """
        self._keeper.check()
        happened: list[Event] = []
        try:
            happened.append(self._happened.get(timeout=timeout_s))
            while True:
                happened.append(self._happened.get_nowait())
        except queue.Empty:
            return happened

    def stop(self) -> None:
        """Say goodbye and end the connection; harmless when called twice."""
        self._keeper.stop()

    def _repeat_if_up(self) -> None:
        """Whoever hears that a publish found no connection must not miss the one made meanwhile."""
        connection = self._connection
        if connection is not None and connection.is_up:
            self._happened.put(connection.state())

    def _connect(self, stopping: threading.Event) -> None:
        connection = Connection(self._options, self._speaker, self._clock, self._happened.put)
        self._connection = connection
        why = connection.link.run(stopping)
        connection.close()
        self._happened.put(LinkState(False, why))
