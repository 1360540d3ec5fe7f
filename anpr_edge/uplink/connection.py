"""What a unit does with one connection: birth, reads out, watermarks in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from anpr_edge.records import Delivery, LinkState, SealedRead, SignedMessage
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message
from anpr_edge.uplink.reasons import Code
from anpr_edge.uplink.window import Window

Event = Delivery | SignedMessage | LinkState

STATUS_SCHEMA = 1

ANSWER_WITHIN_S = 45.0
"""A broker that answers pings but no publish for this long is given up; mosquitto takes milliseconds. The
service may wait that long for room in the window: less than WatchdogSec of anpr-edge-uplink.service."""

OWN_WORD = 3
"""Status, health and one reply, and a policy where there is one, may be unanswered beside the reads; a broker
counts them into its receive maximum."""

HEALTH_EXPIRY_S = 300
"""Health that old says nothing about now; the broker drops it."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """The unit as its topics and its status name it."""

    fleet: str
    unit: str
    feeds: tuple[str, ...]
    birth: Mapping[str, object] = field(default_factory=dict)
    policy: bytes | None = None

    def status(self, state: str, **more: object) -> bytes:
        """The retained status message, JSON. Who is away still says of which groups it is."""
        groups = {"groups": self.birth["groups"]} if "groups" in self.birth else {}
        return to_json({"schema": STATUS_SCHEMA, "state": state, **groups, **more})


@dataclass(slots=True)
class Memory:
    """What a unit has learnt of one broker, kept from one connection to the next.

    `subscribed`: what the session there is subscribed to. `packet_bytes`: the largest packet it takes, where
    it says so only by hanging up. `refused`: the feeds whose reads it does not take from us.
    """

    subscribed: frozenset[str] = frozenset()
    packet_bytes: int | None = None
    retain: bool = True
    refused: set[str] = field(default_factory=set)


class Connection:
    """One link with its in-flight window; hears what the link hears and emits what the uplink tells."""

    def __init__(
        self,
        options: LinkOptions,
        speaker: Speaker,
        clock: Clock,
        emit: Callable[[Event], None],
        *,
        memory: Memory | None = None,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self._speaker = speaker
        self._clock = clock
        self._emit = emit
        self._memory = memory or Memory()
        self._watch = watch
        self._leaving_for = "stopped"
        self._where = f"{options.host}:{options.port}"
        self._packet_bytes: int | None = None
        self._reply_mid = 0
        self.is_up = False
        self.resumed = False
        self.window = Window(options.in_flight, emit)
        self.link = Link(options, self, clock)

    def state(self) -> LinkState:
        """What to tell when the connection has come up."""
        return LinkState(True, f"connected to {self._where}", broker=self._where)

    def publish(self, read: SealedRead) -> bool:
        """Send one read, waiting for room in the window; False when there is no connection (any more)."""
        if not self.is_up or not self.window.reserve():
            return False
        topic = topics.reads(self._speaker.fleet, self._speaker.unit, read.feed)
        size = packet_size(topic, read.blob, topics.READS_CONTENT_TYPE)
        if self._too_large(size):
            self.window.refused(read.feed, read.seq, Code.PACKET_TOO_LARGE)
            return True
        mid = self.link.publish(topic, read.blob, content_type=topics.READS_CONTENT_TYPE)
        return self.window.sent(mid, read.feed, read.seq, self._clock.now().mono_ns, size)

    def say(self, state: str, **more: object) -> None:
        """Leave the unit's status at the broker."""
        topic = topics.status(self._speaker.fleet, self._speaker.unit)
        self._tell(topic, self._speaker.status(state, **more))

    def report_health(self, payload: bytes) -> bool:
        """Publish the unit's health; False when there is no connection."""
        if self.is_up:
            topic = topics.health(self._speaker.fleet, self._speaker.unit)
            self._tell(topic, payload, expiry_s=HEALTH_EXPIRY_S)
        return self.is_up

    def leave(self, why: str, reason: str) -> None:
        """End in order, to connect again; `reason` stands in the status until then."""
        self._leaving_for = reason
        self.link.leave(why)

    def reply(self, name: str, payload: bytes, correlation: bytes) -> bool:
        """Publish a reply to a command; False when there is no connection or the last one is unanswered."""
        topic = topics.reply(self._speaker.fleet, self._speaker.unit, name)
        if not self.is_up or self.window.expects(self._reply_mid):
            return False
        content_type = topics.READS_CONTENT_TYPE
        self._reply_mid = self.link.publish(
            topic, payload, content_type=content_type, correlation=correlation
        )
        self.window.ignore(self._reply_mid)
        return True

    def close(self) -> None:
        """Answer nothing more; the link has ended."""
        self.is_up = False
        self.window.close()

    def up(self, limits: Limits) -> None:
        speaker = self._speaker
        self.window.limit(limits.receive_maximum - OWN_WORD - (speaker.policy is not None))
        told = (limits.packet_bytes, self._memory.packet_bytes)
        self._packet_bytes = min((size for size in told if size is not None), default=None)
        self.resumed = limits.session_present and self.filters <= self._memory.subscribed
        if not self.resumed:
            self.link.subscribe(sorted(self.filters))
        self.say("online", **speaker.birth)
        self._show_policy()
        self.is_up = True
        self._emit(self.state())

    @property
    def filters(self) -> frozenset[str]:
        """What a unit subscribes to; a session that has all of it is not asked again."""
        speaker = self._speaker
        acks = (topics.ack(speaker.fleet, speaker.unit, feed) for feed in speaker.feeds)
        return frozenset((*acks, topics.command(speaker.fleet, speaker.unit, "+")))

    def message(self, message: Message) -> None:
        feed = topics.parse_ack(message.topic, self._speaker.fleet, self._speaker.unit)
        if feed is not None:
            self._emit(SignedMessage("ack", feed, message.payload))
            return
        name = topics.parse_command(message.topic, self._speaker.fleet, self._speaker.unit)
        if name is not None and not message.retained:  # a command is for now: nobody may leave one here
            self._emit(
                SignedMessage("cmd", name, message.payload, message.response_topic, message.correlation)
            )

    def answered(self, mid: int, reason_code: int) -> None:
        self.window.answered(mid, reason_code)

    def tick(self) -> None:
        self._watch()
        oldest_ns = self.window.oldest_mono_ns()
        if oldest_ns is not None and self._clock.now().mono_ns - oldest_ns > ANSWER_WITHIN_S * 1e9:
            self.link.drop(f"the broker has not answered a publish for {ANSWER_WITHIN_S:.0f} s")

    def leaving(self) -> None:
        self.is_up = False
        self.say("offline", reason=self._leaving_for)

    def _show_policy(self) -> None:
        """Leave the unit's policy where everybody may read it."""
        if self._speaker.policy is not None:
            self._tell(topics.policy(self._speaker.fleet, self._speaker.unit), self._speaker.policy)

    def _too_large(self, size: int) -> bool:
        return self._packet_bytes is not None and size > self._packet_bytes

    def _tell(self, topic: str, payload: bytes, expiry_s: int | None = None) -> None:
        """Leave a document, unless the broker would hang up over it."""
        size = packet_size(topic, payload, topics.JSON_CONTENT_TYPE, expires=expiry_s is not None)
        if not self._too_large(size):
            mid = self.link.publish(
                topic, payload, content_type=topics.JSON_CONTENT_TYPE, retain=True, expiry_s=expiry_s
            )
            self.window.ignore(mid, size)


def packet_size(topic: str, payload: bytes, content_type: str, *, expires: bool = False) -> int:
    """The bytes of a QoS 1 publish as it goes to the broker. Source: MQTT 5.0 §3.3."""
    properties = 1 + 3 + len(content_type.encode()) + (5 if expires else 0)
    remaining = 2 + len(topic.encode()) + 2 + properties + len(payload)
    length_bytes = next(count for count in (1, 2, 3, 4) if remaining < 128**count or count == 4)
    return 1 + length_bytes + remaining


def to_json(document: Mapping[str, object]) -> bytes:
    """A status or health document as it goes on the wire."""
    return json.dumps(document, separators=(",", ":")).encode()
