"""One connection to the broker, from dialling to its end: MQTT 5 over TLS 1.3.

A `Link` is used once. Each new attempt gets a new one, so nothing of an ended connection (a queued
message, an identifier, an old certificate) can leak into the next. Units and centres both use it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from anpr_edge.errors import UplinkError
from anpr_edge.seams import Clock
from anpr_edge.uplink.tls import UNIT_SETTINGS, Credentials, SettingNames, explain

POLL_S = 0.25
"""The longest the network thread waits before it looks at its timers again."""

ANSWER_WITHIN_S = 15.0
"""How long a broker that took the connection may take to say whether it takes the client."""

LINGER_S = 3.0
"""How long a stop waits for the broker's answers: closing earlier can take back what was sent last,
because TCP resets a connection that is closed with unread bytes (RFC 2525 §2.17)."""

NORMAL, WITH_WILL = 0x00, 0x04
"""Disconnect reason codes. Source: MQTT 5.0 §3.14.2.1."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we vanish; always retained, QoS 1."""

    topic: str
    payload: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to meet the broker: address, credentials, session and limits.

    `in_flight` is the receive maximum we announce, and the most publishes we leave unanswered.
    With a `session_expiry_s` the broker keeps subscriptions and messages that long for us.
    `settings` are the names under which a person sets all this.

    The broker gives a session to whoever names it, whatever certificate he shows: any unit's
    would do to take a centre's. So what we send is `client_id` and a part that only the holder of our
    private key can know.
    """

    host: str
    port: int
    credentials: Credentials
    client_id: str
    keep_alive_s: int = 30
    in_flight: int = 20
    session_expiry_s: int = 0
    manual_acks: bool = False
    ends_session: bool = False
    """Whether the broker is to keep nothing for us once we were stopped in order."""
    will: Will | None = None
    settings: SettingNames = UNIT_SETTINGS


@dataclass(frozen=True, slots=True)
class Message:
    """A message from the broker; `mid` is what `Link.acknowledge` wants."""

    topic: str
    payload: bytes
    mid: int
    retained: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What the broker said it takes. Source: MQTT 5.0 §3.2.2.3."""

    receive_maximum: int
    packet_bytes: int | None


class LinkEvents(Protocol):
    """What a link reports, always from its own thread; none of these may block or raise."""

    def up(self, limits: Limits) -> None: ...

    def message(self, message: Message) -> None: ...

    def answered(self, mid: int, reason_code: int) -> None: ...

    def tick(self) -> None: ...

    def leaving(self) -> None:
        """The link is being stopped in order; what is published now still goes out."""
        ...


class Link:
    """One connection; `run` lives as long as it does. The other methods may come from any thread."""

    def __init__(self, options: LinkOptions, events: LinkEvents, clock: Clock) -> None:
        self._options = options
        self._events = events
        self._clock = clock
        self._why = ""
        self._hint_of_end = ""
        self._sent = 0
        self._answered = 0
        self._accepted = False
        self._over = threading.Event()
        self.unsubscribed = threading.Event()
        """Set once the broker has confirmed `unsubscribe`: what comes after it was on its way."""
        self._publishing = threading.Lock()
        self._client = self._make_client()

    def run(self, stopping: threading.Event) -> str:
        """Connect and serve until the connection ends or `stopping` is set; returns why, in words."""
        where = f"{self._options.host}:{self._options.port}"
        try:
            self._client.tls_set_context(self._options.credentials.context())
            self._connect()
        except UplinkError as error:
            return f"{error}; {error.hint}"
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be one
            return f"{where}: {explain(str(error), self._options.settings)}"
        self._serve(stopping)
        why = self._why or self._hint_of_end
        if not why:  # as mosquitto 2.0 does to a client whose session another one takes
            why = "the broker hung up without a word" if self._accepted else "connection lost"
        return f"{where}: {explain(why, self._options.settings)}"

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        content_type: str,
        retain: bool = False,
        expiry_s: int | None = None,
    ) -> int:
        """Send one message at QoS 1; returns the identifier its answer will carry."""
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = content_type
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        with self._publishing:
            self._sent += 1
            return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    def subscribe(self, filters: list[str]) -> None:
        """Ask for topics at QoS 1; a refusal ends the link, which says so."""
        if filters:
            self._client.subscribe([(topic, 1) for topic in filters])

    def unsubscribe(self, filters: list[str]) -> None:
        """Ask for these topics no more; what the broker has for us already still comes."""
        self._client.unsubscribe(filters)

    def acknowledge(self, message: Message) -> None:
        """Tell the broker that we have `message` (only with `manual_acks`)."""
        self._client.ack(message.mid, 1)

    def drop(self, why: str) -> None:
        """End the connection; `why` is what `run` returns."""
        self._why = self._why or why
        self._over.set()

    def _connect(self) -> None:
        options = self._options
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = options.in_flight
        properties.SessionExpiryInterval = options.session_expiry_s
        self._client.connect(
            options.host,
            options.port,
            options.keep_alive_s,
            clean_start=options.session_expiry_s == 0,
            properties=properties,
        )

    def _serve(self, stopping: threading.Event) -> None:
        began_ns = self._clock.now().mono_ns
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and not self._over.is_set() and not stopping.is_set():
            code = self._client.loop(POLL_S)
            self._events.tick()
            if not self._accepted and self._passed(began_ns, ANSWER_WITHIN_S):
                self.drop(f"took the connection but has not answered for {ANSWER_WITHIN_S:.0f} s")
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._part(in_order=stopping.is_set())
        self._over.set()

    def _part(self, *, in_order: bool) -> None:
        """Disconnect; unless `in_order`, the broker is to publish our will."""
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        if in_order and self._accepted:
            self.drop("stopped")
            self._events.leaving()
            began_ns = self._clock.now().mono_ns
            while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._answered < self._sent:
                code = self._client.loop(POLL_S)
                if self._passed(began_ns, LINGER_S):
                    break
        reason = NORMAL if in_order else WITH_WILL
        properties = Properties(PacketTypes.DISCONNECT)
        if in_order and self._options.ends_session:
            properties.SessionExpiryInterval = 0
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=reason), properties)
        self._client.loop(POLL_S)

    def _passed(self, since_ns: int, limit_s: float) -> bool:
        return self._clock.now().mono_ns - since_ns > limit_s * 1e9

    def _make_client(self) -> Client:
        options = self._options
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=_identifier(options),
            protocol=MQTTv5,
            manual_ack=options.manual_acks,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)  # our own window bounds it; paho shall hold nothing back
        if options.will:
            _set_will(client, options.will)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_log = self._on_log
        # With this set, paho leaves writing to `loop` and never writes from a caller's thread.
        client.on_socket_register_write = _leave_writing_to_the_loop
        return client

    def _on_connect(
        self, _: Client, __: object, ___: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.drop(f"the broker refuses us: {reason}")
            return
        self._accepted = True
        given = properties.json() if properties else {}
        self._events.up(Limits(given.get("ReceiveMaximum", 65535), given.get("MaximumPacketSize")))

    def _on_disconnect(
        self, _: Client, __: object, flags: DisconnectFlags, reason: ReasonCode, ___: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.drop(f"the broker closed the connection: {reason}")
        elif str(reason) == "Keep alive timeout":
            self.drop(f"no sign of life for {self._options.keep_alive_s} s")
        self._over.set()

    def _on_subscribe(
        self, _: Client, __: object, ___: int, reasons: list[ReasonCode], ____: Properties | None
    ) -> None:
        refused = next((reason for reason in reasons if reason.is_failure), None)
        if refused is not None:
            self.drop(f"the broker refuses our subscription: {refused}")

    def _on_unsubscribe(
        self, _: Client, __: object, ___: int, ____: list[ReasonCode], _____: Properties | None
    ) -> None:
        self.unsubscribed.set()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._events.message(Message(topic, bytes(message.payload), message.mid, message.retain))

    def _on_publish(
        self, _: Client, __: object, mid: int, reason: ReasonCode, ___: Properties | None
    ) -> None:
        self._answered += 1
        if reason.is_failure:  # mosquitto hangs up after that, without a word (its issue 2579)
            self._hint_of_end = f"the broker refused a publish ({reason}) and hung up"
        self._events.answered(mid, reason.value)

    def _on_log(self, _: Client, __: object, level: int, words: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._hint_of_end = self._hint_of_end or words


def _identifier(options: LinkOptions) -> str:
    try:
        return f"{options.client_id}.{options.credentials.secret_name()}"
    except UplinkError:  # `run` says what is wrong with the file before anything is sent
        return options.client_id


def _set_will(client: Client, will: Will) -> None:
    properties = Properties(PacketTypes.WILLMESSAGE)
    properties.ContentType = will.content_type
    client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)


def _leave_writing_to_the_loop(_: Client, __: object, ___: object) -> None:
    """`loop` asks `want_write` itself."""
