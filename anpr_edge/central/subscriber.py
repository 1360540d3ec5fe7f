"""The centre's side of the broker: sealed reads in, signed watermarks out.

The broker's acknowledgement of a message goes out only after the store has it, so a centre that dies
gets the message again; what it gets twice, the ledgers know.
"""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from anpr_edge.central.intake import FeedKey, Intake, Outcome, Verdict
from anpr_edge.central.watermarks import EVERY_S, Watermarks
from anpr_edge.records import LinkState
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.keeper import Keeper
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message

BATCH = 100
"""Messages stored with one fsync; also the receive maximum, so the broker sends no more unacknowledged."""

MOST_PAUSE_S = 10.0
"""There are few centres and the broker keeps reads for them: they come back sooner than units."""

ACK_CONTENT_TYPE = "application/cose"

FAILURE = 0x80
"""Reason codes from here on are failures. Source: MQTT 5.0 §2.4."""


@dataclass(frozen=True, slots=True)
class _Up:
    link: Link


@dataclass(frozen=True, slots=True)
class _Answer:
    """The broker's answer to a watermark."""

    mid: int
    reason_code: int


@dataclass(frozen=True, slots=True)
class _Arrival:
    link: Link
    message: Message


_Event = _Up | _Answer | _Arrival | LinkState


class Subscriber:
    """One consumer's lasting subscription to its feeds, of every unit of a fleet.

    Call `take` in a loop: it stores, acknowledges and says what happened. Without `watermarks` the
    units are told nothing and keep their reads.
    """

    def __init__(
        self,
        options: LinkOptions,
        *,
        fleet: str,
        feeds: Sequence[str],
        intake: Intake,
        watermarks: Watermarks | None,
        clock: Clock,
        backoff: Backoff | None = None,
    ) -> None:
        self._options = replace(options, manual_acks=True, in_flight=BATCH)
        self._filters = [topics.reads(fleet, "+", feed) for feed in feeds]
        self._intake = intake
        self._watermarks = watermarks
        self._clock = clock
        self._happened: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._unanswered: dict[int, FeedKey] = {}
        self._link: Link | None = None
        backoff = backoff or Backoff(random.Random(), most_s=MOST_PAUSE_S)
        self._keeper = Keeper(self._connect, clock, backoff)

    def start(self) -> None:
        """Begin to connect, and to connect again whenever needed; returns at once."""
        self._keeper.start()

    def take(self, timeout_s: float) -> list[Outcome | LinkState]:
        """Store and acknowledge what has arrived, waiting up to `timeout_s` for the first.

        Raises: StoreError when reads cannot be kept; the broker will offer them again. UplinkError when
        the connection's thread has died of a bug.
        """
        self._keeper.check()
        said: list[Outcome | LinkState] = []
        arrivals: list[_Arrival] = []
        for event in self._drain(timeout_s):
            if isinstance(event, _Arrival):
                arrivals.append(event)
            else:
                said += self._heed(event)
        said += self._store(arrivals)
        self._tell_units()
        return said

    def stop(self) -> None:
        """Publish the watermarks still owed and end the connection; harmless when called twice."""
        self._tell_units(owed_s=0.0)
        self._keeper.stop()

    def _drain(self, timeout_s: float) -> list[_Event]:
        events: list[_Event] = []
        try:
            events.append(self._happened.get(timeout=timeout_s))
            while len(events) < BATCH:
                events.append(self._happened.get_nowait())
        except queue.Empty:
            pass
        return events

    def _heed(self, event: _Up | _Answer | LinkState) -> list[LinkState]:
        if isinstance(event, _Up):
            self._link = event.link
            return [LinkState(True, f"connected to {self._options.host}:{self._options.port}")]
        if isinstance(event, _Answer):
            return self._answered(event)
        self._link = None
        self._tell_again(self._unanswered.values())
        self._unanswered.clear()
        return [event]

    def _answered(self, answer: _Answer) -> list[LinkState]:
        key = self._unanswered.pop(answer.mid, None)
        if key is None or answer.reason_code < FAILURE:
            return []
        topic = topics.ack(key.fleet, key.unit, key.feed)
        return [LinkState(True, f"the broker refuses watermarks on {topic}: reason {answer.reason_code}")]

    def _store(self, arrivals: Sequence[_Arrival]) -> list[Outcome]:
        messages = [(arrival.message.topic, arrival.message.payload) for arrival in arrivals]
        outcomes = self._intake.take(messages)
        for arrival in arrivals:
            arrival.link.acknowledge(arrival.message)
        for outcome in outcomes:
            if self._watermarks and outcome.key:
                self._watermarks.touch(outcome.key, lost=outcome.verdict is Verdict.REPEAT)
        return outcomes

    def _tell_units(self, owed_s: float = EVERY_S) -> None:
        if self._watermarks is None or self._link is None:
            return
        for ack in self._watermarks.due(owed_s):
            mid = self._link.publish(ack.topic, ack.payload, content_type=ACK_CONTENT_TYPE, retain=True)
            self._unanswered[mid] = ack.key

    def _tell_again(self, keys: Iterable[FeedKey]) -> None:
        for key in keys:
            if self._watermarks:
                self._watermarks.forget(key)

    def _connect(self, stopping: threading.Event) -> None:
        ears = _Ears(self._options, self._filters, self._clock, self._happened.put)
        self._happened.put(LinkState(False, ears.link.run(stopping)))


class _Ears:
    """Hears what one link hears and queues it for whoever calls `take`."""

    def __init__(
        self, options: LinkOptions, filters: list[str], clock: Clock, put: Callable[[_Event], None]
    ) -> None:
        self._filters = filters
        self._put = put
        self.link = Link(options, self, clock)

    def up(self, _: Limits) -> None:
        self.link.subscribe(self._filters)
        self._put(_Up(self.link))

    def message(self, message: Message) -> None:
        self._put(_Arrival(self.link, message))

    def answered(self, mid: int, reason_code: int) -> None:
        self._put(_Answer(mid, reason_code))

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """A consumer has no status to leave behind."""
