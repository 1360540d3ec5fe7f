"""A bare MQTT 5 client that says exactly what a test tells it, and what the broker answered."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.integration.helpers import WITHIN_S

SUCCESS, NO_SUBSCRIBERS, NOT_AUTHORIZED = 0x00, 0x10, 0x87
"""Source: MQTT 5.0 §2.4."""

NO_ANSWER: Final = -1
SESSION_KEPT_S: Final = 3600


class BareClient:
    """One connection; `connected` is the broker's reason code, `session` whether it has one of ours."""

    def __init__(self, client_id: str) -> None:
        self.connected, self.session = NO_ANSWER, False
        self.heard: list[tuple[str, bytes]] = []
        self._answers: dict[int, int] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, reconnect_on_failure=False
        )
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def connect(self, host: str, port: int, context: ssl.SSLContext, user: str, password: str) -> None:
        """Connect, and wait for the answer, or for the end without one: TLS 1.3 refuses a certificate so."""
        self._client.tls_set_context(context)
        if user:
            self._client.username_pw_set(user, password or None)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_KEPT_S
        self._client.connect(host, port, clean_start=False, properties=properties)
        self._client.loop_start()
        self._wait(lambda: self.connected >= 0 or self._ended)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """The broker's reason code for this message, at QoS 1."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        self._wait(lambda: sent.mid in self._answers)
        return self._answers[sent.mid]

    def subscribe(self, topic: str) -> int:
        """The broker's reason code for this subscription: the QoS it grants, or a refusal."""
        _, mid = self._client.subscribe(topic, qos=1)
        assert mid is not None
        self._wait(lambda: mid in self._answers)
        return self._answers[mid]

    def hears(self, count: int, within_s: float = WITHIN_S) -> list[tuple[str, bytes]]:
        """What has come once there are `count` messages, or after `within_s` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.heard) >= count, within_s)
        return list(self.heard)

    def leave(self) -> None:
        """Say goodbye; the session stays."""
        self._client.disconnect()
        self._client.loop_stop()

    def _wait(self, what: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(what, WITHIN_S), "the broker has not answered"

    def _happened(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_connect(
        self, _: Client, __: object, flags: ConnectFlags, reason: ReasonCode, ___: object
    ) -> None:
        self.connected, self.session = reason.value, flags.session_present
        self._happened()

    def _on_disconnect(self, *_: object) -> None:
        self._ended = True
        self._happened()

    def _on_publish(self, _: Client, __: object, mid: int, reason: ReasonCode, ___: object) -> None:
        self._answers[mid] = reason.value
        self._happened()

    def _on_subscribe(self, _: Client, __: object, mid: int, reasons: list[ReasonCode], ___: object) -> None:
        self._answers[mid] = reasons[0].value
        self._happened()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))
        self._happened()


@contextmanager
def bare_client(
    host: str, port: int, context: ssl.SSLContext, client_id: str, *, user: str = "", password: str = ""
) -> Iterator[BareClient]:
    """A client that has its answer from the broker, whatever it is; it leaves at the end."""
    client = BareClient(client_id)
    client.connect(host, port, context, user, password)
    try:
        yield client
    finally:
        client.leave()
