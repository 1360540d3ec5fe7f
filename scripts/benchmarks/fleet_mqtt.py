"""A unit's side of MQTT 5 for `scripts/bench fleet`: thousands of sessions in one thread.

The uplink's own client has a thread a unit, which is right on a pole and not for a whole fleet on two
cores. This one speaks the same packets with the same properties (uplink/link.py) and no others.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from anpr_edge.uplink.link import Limits, Will

CONNECT, CONNACK, PUBLISH, PUBACK, SUBACK, DISCONNECT = 0x10, 0x20, 0x30, 0x40, 0x90, 0xE0
SUBSCRIBE, PING = 0x82, bytes((0xC0, 0))
"""Source: MQTT 5.0 §2.1."""

QOS1, RETAIN = 0x02, 0x01
WILL_RETAINED_QOS1: Final = 0x04 | 0x08 | 0x20
CLEAN_START: Final = 0x02
FAILURE: Final = 0x80
MOST_ID: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Hello:
    """What a unit says when it connects."""

    client_id: str
    keep_alive_s: int
    receive_maximum: int
    will: Will


class SessionEvents(Protocol):
    """What a session reports."""

    def up(self, limits: Limits) -> None: ...

    def answered(self, mid: int, reason_code: int) -> None: ...

    def message(self, topic: str, payload: bytes) -> None: ...

    def heard(self) -> None:
        """All packets of one arrival have been reported."""
        ...

    def down(self) -> None: ...


class Session(asyncio.Protocol):
    """One connection, from its CONNECT packet to its end."""

    def __init__(self, hello: Hello, events: SessionEvents) -> None:
        self._hello = hello
        self._events = events
        self._arrived = bytearray()
        self._last_mid = 0
        self._transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_connect(self._hello))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        self._events.down()

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        for kind, body in _packets(self._arrived):
            self._take(kind, body)
        self._events.heard()

    def publish(
        self, topic: str, payload: bytes, content_type: str, *, retain: bool = False, expiry_s: int = 0
    ) -> int:
        """Send at QoS 1; returns the identifier its answer will carry."""
        mid = self._next_mid()
        body = _text(topic) + mid.to_bytes(2) + _publish_properties(content_type, expiry_s) + payload
        self._write(_packet(PUBLISH | QOS1 | (RETAIN if retain else 0), body))
        return mid

    def subscribe(self, topic: str) -> None:
        """Ask for a topic at QoS 1."""
        body = self._next_mid().to_bytes(2) + b"\0" + _text(topic) + b"\1"
        self._write(_packet(SUBSCRIBE, body))

    def ping(self) -> None:
        """Show that we are there."""
        self._write(PING)

    def close(self) -> None:
        """Part in order."""
        self._write(_packet(DISCONNECT, b""))
        if self._transport:
            self._transport.close()

    def drop(self) -> None:
        """End without a word."""
        if self._transport:
            self._transport.abort()

    def _next_mid(self) -> int:
        self._last_mid = self._last_mid % MOST_ID + 1
        return self._last_mid

    def _write(self, packet: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(packet)

    def _take(self, kind: int, body: bytes) -> None:
        if kind & 0xF0 == PUBACK:
            self._events.answered(int.from_bytes(body[:2]), body[2] if len(body) > 2 else 0)
        elif kind & 0xF0 == PUBLISH:
            self._message(body)
        elif kind & 0xF0 == CONNACK and body[1] < FAILURE:
            given = Properties(PacketTypes.CONNACK)
            given.unpack(bytes(body[2:]))
            limits = given.json()
            self._events.up(Limits(limits.get("ReceiveMaximum", 65535), limits.get("MaximumPacketSize")))
        elif (kind & 0xF0 == SUBACK and body[-1] >= FAILURE) or kind & 0xF0 in (CONNACK, DISCONNECT):
            self.drop()

    def _message(self, body: bytes) -> None:
        """A message at QoS 1; the broker hears that we have it."""
        end = 2 + int.from_bytes(body[:2])
        topic, mid = body[2:end].decode(), body[end : end + 2]
        size, at = _variable(body, end + 2)
        self._write(_packet(PUBACK, mid))
        self._events.message(topic, bytes(body[at + size :]))


def _packets(arrived: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take whole packets off the front: (first byte, body)."""
    while len(arrived) >= 2:
        try:
            size, at = _variable(arrived, 1)
        except IndexError:
            return
        if len(arrived) < at + size:
            return
        packet = arrived[0], bytes(arrived[at : at + size])
        del arrived[: at + size]
        yield packet


def _variable(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """A variable byte integer and where it ends. Source: MQTT 5.0 §1.5.5."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _packet(kind: int, body: bytes) -> bytes:
    size, rest = b"", len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        size += bytes((digit | (0x80 if rest else 0),))
        if not rest:
            return bytes((kind,)) + size + body


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def _connect(hello: Hello) -> bytes:
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = hello.receive_maximum
    will_properties = Properties(PacketTypes.WILLMESSAGE)
    will_properties.ContentType = hello.will.content_type
    flags = CLEAN_START | WILL_RETAINED_QOS1
    head = _text("MQTT") + struct.pack(">BBH", 5, flags, hello.keep_alive_s)
    will = will_properties.pack() + _text(hello.will.topic) + _binary(hello.will.payload)
    return _packet(CONNECT, head + properties.pack() + _text(hello.client_id) + will)


@cache
def _publish_properties(content_type: str, expiry_s: int) -> bytes:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = content_type
    if expiry_s:
        properties.MessageExpiryInterval = expiry_s
    packed: bytes = properties.pack()
    return packed
