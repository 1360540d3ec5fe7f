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

from anpr_edge.central.dedupe import FeedKey
from anpr_edge.central.intake import Intake, Outcome, Verdict
from anpr_edge.central.watermarks import EVERY_S, Watermarks
from anpr_edge.errors import StoreError, StoreUnavailable
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

STORE_AGAIN_S = 1.0
"""How often a store that does not answer is tried again."""

LEAVE_WITHIN_S, LEAVE_AFTER_S = 10.0, 0.5
"""A member that leaves its group waits until nothing has come for so long (second), and no longer (first)."""

ACK_CONTENT_TYPE = "application/cose"

FAILURE = 0x80
"""Reason codes from here on are failures. Source: MQTT 5.0 §2.4."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """Whether the store takes reads. While it does not, nothing is acknowledged, to broker or units."""

    available: bool
    detail: str


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

    The members of a `group`, each a process with a client identifier of its own, share the messages between
    them (MQTT 5's shared subscriptions). One unit's numbers then come by all of them, so they share a store.
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
        group: str | None = None,
    ) -> None:
        self._options = replace(options, manual_acks=True, in_flight=BATCH, ends_session=group is not None)
        filters = [topics.reads(fleet, "+", feed) for feed in feeds]
        self._group = group
        self._filters = [topics.shared(group, each) for each in filters] if group else filters
        self._intake = intake
        self._watermarks = watermarks
        self._clock = clock
        self._happened: queue.Queue[_Event] = queue.Queue()
        self._unanswered: dict[int, FeedKey] = {}
        self._link: Link | None = None
        self._waiting: list[_Arrival] = []
        self._store_again_ns: int | None = None
        self._broken = False
        backoff = backoff or Backoff(random.Random(), most_s=MOST_PAUSE_S)
        self._keeper = Keeper(self._connect, clock, backoff)

    def start(self) -> None:
        """Begin to connect, and to connect again whenever needed; returns at once."""
        self._keeper.start()

    def take(self, timeout_s: float) -> list[Outcome | LinkState | StoreState]:
        """Store and acknowledge what has arrived, waiting up to `timeout_s` for the first.

        While the store is unavailable what has arrived waits here, and is tried again every second.

        Raises: StoreError when reads cannot be kept; the broker will offer them again. UplinkError when
        the connection's thread has died of a bug.
        """
        self._keeper.check()
        return self._take(timeout_s)

    def _take(self, timeout_s: float) -> list[Outcome | LinkState | StoreState]:
        said: list[Outcome | LinkState | StoreState] = []
        for event in self._drain(timeout_s):
            if isinstance(event, _Arrival):
                self._waiting.append(event)
            else:
                said += self._heed(event)
        return said + self._settle(EVERY_S)

    def stop(self) -> list[Outcome | LinkState | StoreState]:
        """Store what has come already, publish the watermarks still owed and end the connection.

        A group's member first leaves the group, so that the broker gives its share to the others. Returns
        what `take` would have; harmless when called twice. Raises: StoreError.
        """
        said: list[Outcome | LinkState | StoreState] = []
        try:
            if not self._broken:
                said += self._finish()
        finally:
            self._keeper.stop()
        return said

    def _finish(self) -> list[Outcome | LinkState | StoreState]:
        said: list[Outcome | LinkState | StoreState] = []
        if self._group and self._link:
            said += self._leave_group(self._link)
        while taken := self._take(0.0):
            said += taken
        self._store_again_ns = None
        return said + self._settle(owed_s=0.0)

    def _leave_group(self, link: Link) -> list[Outcome | LinkState | StoreState]:
        """Take what the broker has given us already, until it has confirmed that nothing more is ours."""
        began_ns = self._clock.now().mono_ns
        said: list[Outcome | LinkState | StoreState] = []
        link.unsubscribe(self._filters)
        while self._link is link and self._clock.now().mono_ns - began_ns < LEAVE_WITHIN_S * 1e9:
            confirmed = link.unsubscribed.is_set()
            taken = self._take(LEAVE_AFTER_S)
            said += taken
            if confirmed and not taken:
                break
        return said

    def _settle(self, owed_s: float) -> list[Outcome | StoreState]:
        """Store what waits and tell the units, unless the store was unavailable just now."""
        now_ns = self._clock.now().mono_ns
        if self._store_again_ns is not None and now_ns < self._store_again_ns:
            return []
        said: list[Outcome | StoreState] = []
        try:
            said += self._store()
            self._tell_units(owed_s)
        except StoreUnavailable as error:
            if self._store_again_ns is None:
                said.append(StoreState(False, f"{error}; tried again every {STORE_AGAIN_S:.0f} s"))
            self._store_again_ns = now_ns + round(STORE_AGAIN_S * 1e9)
            return said
        except StoreError:
            self._broken = True
            raise
        if self._store_again_ns is not None:
            said.append(StoreState(True, "the store takes reads again"))
        self._store_again_ns = None
        return said

    def _drain(self, timeout_s: float) -> list[_Event]:
        events: list[_Event] = []
        try:
            events.append(self._happened.get(timeout=timeout_s))
            while len(events) + len(self._waiting) < BATCH:
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
        if self._store_again_ns is not None:
            self._waiting.clear()  # not acknowledged, so the broker or the unit sends them again
        self._tell_again(self._unanswered.values())
        self._unanswered.clear()
        return [event]

    def _answered(self, answer: _Answer) -> list[LinkState]:
        key = self._unanswered.pop(answer.mid, None)
        if key is None:
            return []
        if answer.reason_code < FAILURE:
            if self._watermarks:
                self._watermarks.heard(key)
            return []
        topic = topics.ack(key.fleet, key.unit, key.feed)
        return [LinkState(True, f"the broker refuses watermarks on {topic}: reason {answer.reason_code}")]

    def _store(self) -> list[Outcome]:
        arrivals, messages = (
            self._waiting,
            [(one.message.topic, one.message.payload) for one in self._waiting],
        )
        outcomes = self._intake.take(messages)
        self._waiting = []
        for arrival in arrivals:
            arrival.link.acknowledge(arrival.message)
        for outcome in outcomes:
            if self._watermarks and outcome.key:
                self._watermarks.touch(outcome.key, lost=outcome.verdict is Verdict.REPEAT)
        return outcomes

    def _tell_units(self, owed_s: float) -> None:
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
