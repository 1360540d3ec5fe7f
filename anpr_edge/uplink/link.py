"""One connection to the broker, from dialling to its end: MQTT 5 over TLS 1.3.

A `Link` is used once. Each new attempt gets a new one, so nothing of an ended connection (a queued
message, an identifier, an old certificate) can leak into the next. Units and centres both use it.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from anpr_edge.errors import UplinkError
from anpr_edge.seams import Clock
from anpr_edge.uplink.meter import Meter, Wire
from anpr_edge.uplink.reasons import Cause, cause_of
from anpr_edge.uplink.tls import UNIT_SETTINGS, ClientContext, Papers, SettingNames, explain

POLL_S = 0.25
"""The longest the network thread waits before it looks at its timers again."""

ANSWER_WITHIN_S = 15.0
"""How long a broker that took the connection may take to say whether it takes the client."""

LINGER_S = 3.0
"""How long a stop waits for the broker's answers: closing earlier can take back what was sent last,
because TCP resets a connection that is closed with unread bytes (RFC 2525 §2.17)."""

CONNECT_WITHIN_S: Final = 10.0
"""For an address to take the connection and end the handshake: a mobile network loses a packet or two."""

UNHEARD_S: Final = 30.0
"""What we sent and nobody's TCP has acknowledged for so long ends the connection, where the system can do
that: the way is gone. Linux by itself tries for 15 minutes. Source: RFC 5482; tcp(7), TCP_USER_TIMEOUT."""

NORMAL, WITH_WILL = 0x00, 0x04
"""Disconnect reason codes. Source: MQTT 5.0 §3.14.2.1."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we vanish: QoS 1, and retained where the broker can."""

    topic: str
    payload: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to meet the broker: address, credentials, session and limits.

    `in_flight` is the receive maximum we announce, and the most publishes we leave unanswered. With a
    `session_expiry_s` the broker keeps subscriptions and messages that long for us. `retain` false: a broker
    that keeps no messages gets none to keep. `settings` are the names under which a person sets all this.
    The broker gives a session to whoever names it, whatever certificate he shows: any unit's would do to take
    a centre's. So what we send is `client_id` and a part that only the holder of our private key can know.
    """

    host: str
    port: int
    credentials: Papers
    client_id: str
    keep_alive_s: int = 60
    in_flight: int = 20
    session_expiry_s: int = 0
    manual_acks: bool = False
    ends_session: bool = False
    """Whether the broker is to keep nothing for us once we were stopped in order."""
    will: Will | None = None
    retain: bool = True
    settings: SettingNames = UNIT_SETTINGS
    user: str = ""
    password: str = field(default="", repr=False)
    """For a client that has no certificate yet; all others are known by theirs."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message from the broker; `mid` is what `Link.acknowledge` wants.

    `response_topic` and `correlation` are empty when it asks for no reply.
    """

    topic: str
    payload: bytes
    mid: int
    retained: bool
    response_topic: str = ""
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the broker said it takes. Source: MQTT 5.0 §3.2.2.3."""

    receive_maximum: int
    packet_bytes: int | None
    session_present: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended, beside the words of `Link.run`: why, and where the broker sends us instead."""

    cause: Cause = Cause.LOST
    reference: str = ""


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
        self._leaving = threading.Event()
        self._publishing = threading.Lock()
        self._meter = Meter()
        self._retains = options.retain
        self.end = End()
        self.granted = False
        self.wordless = False
        self._client = self._make_client()

    @property
    def wire(self) -> Wire:
        """What the connection has put on the wire up to now, or up to its end."""
        return self._meter.read()

    def run(self, stopping: threading.Event) -> str:
        """Connect and serve until the connection ends or `stopping` is set; returns why, in words."""
        where = f"{self._options.host}:{self._options.port}"
        try:
            self._client.tls_set_context(self._options.credentials.context())
            self._connect()
        except UplinkError as error:
            self.end = End(Cause.CREDENTIALS)
            return f"{error}; {error.hint}"
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be one
            return f"{where}: {explain(str(error), self._options.settings)}"
        self._serve(stopping)
        why = self._why or self._hint_of_end or self._silent_end()
        return f"{where}: {explain(why, self._options.settings)}"

    def _silent_end(self) -> str:
        if self._meter.unheard:
            return "timed out: nothing there acknowledges what we send"
        self.wordless = self._accepted  # mosquitto 2.0 does so to a client whose session another one takes
        return "the broker hung up without a word" if self._accepted else "connection lost"

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        content_type: str,
        retain: bool = False,
        expiry_s: int | None = None,
        response_topic: str = "",
        correlation: bytes = b"",
    ) -> int:
        """Send one message at QoS 1; returns the identifier its answer will carry."""
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = content_type
        if response_topic:
            properties.ResponseTopic = response_topic
        if correlation:
            properties.CorrelationData = correlation
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        with self._publishing:
            self._sent += 1
            retain = retain and self._retains
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

    def drop(self, why: str, cause: Cause = Cause.LOST, reference: str = "") -> None:
        """End the connection; `why` is what `run` returns."""
        if not self._why:
            self._why, self.end = why, End(cause, reference)
        self._over.set()

    def leave(self, why: str) -> None:
        """End the connection in order, as a stop does: what is unanswered has a moment to be answered."""
        if not self._why:
            self._why, self.end = why, End(Cause.NONE)
        self._leaving.set()

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
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and not self._is_ending(stopping):
            code = self._client.loop(POLL_S)
            self._events.tick()
            if not self._accepted and self._passed(began_ns, ANSWER_WITHIN_S):
                self.drop(f"took the connection but has not answered for {ANSWER_WITHIN_S:.0f} s")
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._part(in_order=stopping.is_set() or self._leaving.is_set())
        self._over.set()

    def _is_ending(self, stopping: threading.Event) -> bool:
        return self._over.is_set() or self._leaving.is_set() or stopping.is_set()

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
        client.connect_timeout = CONNECT_WITHIN_S
        if options.user:
            client.username_pw_set(options.user, options.password)
        if options.will:
            _set_will(client, options.will, retain=options.retain)
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
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

    def _on_socket_open(self, _: Client, __: object, connection: object) -> None:
        if isinstance(connection, socket.socket):
            self._meter.watch(connection)
            with suppress(OSError, AttributeError):  # not on every system
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(UNHEARD_S * 1e3))

    def _on_socket_close(self, _: Client, __: object, connection: object) -> None:
        self._meter.release()
        if isinstance(connection, ssl.SSLSocket) and isinstance(connection.context, ClientContext):
            connection.context.remember(connection, self._options.port)

    def _on_connect(
        self, _: Client, __: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        given = properties.json() if properties else {}
        if reason.is_failure:
            where = str(given.get("ServerReference", ""))
            self.drop(f"the broker refuses us: {reason}", cause_of(reason.value), where)
            return
        if given.get("MaximumQoS", 2) < 1:
            self.drop("the broker takes QoS 0 only, and reads need an answer", Cause.QOS)
            return
        self._accepted = True
        self._retains = self._retains and bool(given.get("RetainAvailable", 1))
        receive_maximum, packet_bytes = given.get("ReceiveMaximum", 65535), given.get("MaximumPacketSize")
        self._events.up(Limits(receive_maximum, packet_bytes, flags.session_present))

    def _on_disconnect(
        self, _: Client, __: object, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            where = str(properties.json().get("ServerReference", "")) if properties else ""
            self.drop(f"the broker closed the connection: {reason}", cause_of(reason.value), where)
        elif str(reason) == "Keep alive timeout":
            self.drop(f"no sign of life for {self._options.keep_alive_s} s")
        self._over.set()

    def _on_subscribe(
        self, _: Client, __: object, ___: int, reasons: list[ReasonCode], ____: Properties | None
    ) -> None:
        refused = next((reason for reason in reasons if reason.is_failure), None)
        self.granted = refused is None
        if refused is not None:
            self.drop(f"the broker refuses our subscription: {refused}", Cause.SUBSCRIPTION)

    def _on_unsubscribe(
        self, _: Client, __: object, ___: int, ____: list[ReasonCode], _____: Properties | None
    ) -> None:
        self.unsubscribed.set()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        response_topic = str(getattr(message.properties, "ResponseTopic", ""))
        correlation = bytes(getattr(message.properties, "CorrelationData", b""))
        self._events.message(
            Message(topic, bytes(message.payload), message.mid, message.retain, response_topic, correlation)
        )

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


def _set_will(client: Client, will: Will, *, retain: bool) -> None:
    properties = Properties(PacketTypes.WILLMESSAGE)
    properties.ContentType = will.content_type
    client.will_set(will.topic, will.payload, qos=1, retain=retain, properties=properties)


def _leave_writing_to_the_loop(_: Client, __: object, ___: object) -> None:
    """`loop` asks `want_write` itself."""
