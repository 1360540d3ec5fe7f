"""A small MQTT 5 broker over TLS that answers as a test says: for what mosquitto cannot be made to do.

It knows the packets a unit sends and no others, and checks little of them: it is the other end of a test,
not a broker. Source of all formats: MQTT 5.0 §2 and §3.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.integration.conftest import HOST, Site

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14

RECEIVE_MAXIMUM: Final = 0x21
MAXIMUM_QOS: Final = 0x24
RETAIN_AVAILABLE: Final = 0x25
MAXIMUM_PACKET_SIZE: Final = 0x27
SERVER_REFERENCE: Final = 0x1C
_WIDTHS: Final = {RECEIVE_MAXIMUM: 2, MAXIMUM_QOS: 1, RETAIN_AVAILABLE: 1, MAXIMUM_PACKET_SIZE: 4}

SILENCE: Final = None
"""An answer that never comes."""


@dataclass(frozen=True)
class Published:
    """One publish as it came; `answer` decides by it."""

    topic: str
    payload: bytes
    retain: bool
    size: int

    @property
    def feed(self) -> str:
        """Of a read, the feed; else empty."""
        return self.topic.rpartition("/reads/")[2] if "/reads/" in self.topic else ""


@dataclass(frozen=True)
class Goodbye:
    """Instead of a PUBACK: end the connection with this reason code, or without a word when it is None."""

    code: int | None
    properties: bytes = b""


@dataclass
class Script:
    """How to answer; what is not said is answered with success."""

    connack: int | None = 0
    session_present: bool = False
    properties: bytes = b""
    suback: int = 1
    answer: Callable[[Published], int | Goodbye | None] = lambda _: 0
    after_connack: Goodbye | None = None


@dataclass
class Heard:
    """What has come up to now."""

    connects: list[bytes] = field(default_factory=list)
    subscribes: int = 0
    pings: int = 0
    published: list[Published] = field(default_factory=list)

    @property
    def reads(self) -> list[Published]:
        """The reads among it."""
        return [one for one in self.published if one.feed]


def number(identifier: int, value: int) -> bytes:
    """A property with a number."""
    return bytes([identifier]) + value.to_bytes(_WIDTHS[identifier], "big")


def reference(where: str) -> bytes:
    """A server reference."""
    return bytes([SERVER_REFERENCE]) + len(where).to_bytes(2, "big") + where.encode()


class ScriptedBroker:
    """Listens on a free port of loopback; `script` may be changed between packets."""

    def __init__(self, site: Site, script: Script, server: socket.socket | None = None) -> None:
        self.script = script
        self.heard = Heard()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(site.listener.cert_file, site.listener.key_file)
        self._server = server or socket.create_server((HOST, 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.getsockname()[1])

    def close(self) -> None:
        """End it and its connections."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5.0)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._server.accept()
                self._open.append(plain)
                threading.Thread(target=self._meet, args=(plain,), daemon=True).start()

    def _meet(self, plain: socket.socket) -> None:
        with (
            suppress(OSError, EOFError, ValueError),
            self._context.wrap_socket(plain, server_side=True) as tls,
        ):
            _Session(self, tls).run()


class _Session:
    """One connection."""

    def __init__(self, broker: ScriptedBroker, tls: ssl.SSLSocket) -> None:
        self._broker = broker
        self._tls = tls
        self._goes_on = True

    def run(self) -> None:
        while self._goes_on:
            kind, flags, body, size = self._packet()
            script = self._broker.script
            if kind == CONNECT:
                self._broker.heard.connects.append(body)
                self._greet(script)
            elif kind == SUBSCRIBE:
                self._broker.heard.subscribes += 1
                filters = _count_filters(body)
                self._send(SUBACK, body[:2] + b"\x00" + bytes([script.suback]) * filters)
            elif kind == PUBLISH:
                self._take(script, flags, body, size)
            elif kind == PINGREQ:
                self._broker.heard.pings += 1
                self._send(PINGRESP, b"")
            elif kind == DISCONNECT:
                return

    def _greet(self, script: Script) -> None:
        if script.connack is None:
            return
        properties = bytes([len(script.properties)]) + script.properties
        self._send(CONNACK, bytes([script.session_present, script.connack]) + properties)
        if script.connack >= 0x80:
            self._goes_on = False
            self._drain()
        elif script.after_connack:
            self._part(script.after_connack)

    def _take(self, script: Script, flags: int, body: bytes, size: int) -> None:
        length = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        identifier, rest = rest[:2], rest[2:]
        published = Published(topic, rest[1 + rest[0] :], bool(flags & 1), size)
        self._broker.heard.published.append(published)
        answer = script.answer(published)
        if isinstance(answer, Goodbye):
            self._part(answer)
        elif answer is not None:
            self._send(PUBACK, identifier + bytes([answer, 0]))

    def _part(self, goodbye: Goodbye) -> None:
        if goodbye.code is not None:
            properties = bytes([len(goodbye.properties)]) + goodbye.properties
            self._send(DISCONNECT, bytes([goodbye.code]) + properties)
        self._goes_on = False
        self._drain()

    def _drain(self) -> None:
        """Read what still comes: closing with unread bytes would take back what was sent last."""
        self._tls.settimeout(1.0)
        while self._tls.recv(4096):
            pass

    def _send(self, kind: int, body: bytes) -> None:
        self._tls.sendall(bytes([kind << 4, len(body)]) + body)

    def _packet(self) -> tuple[int, int, bytes, int]:
        first, length, shift, head = self._exactly(1)[0], 0, 0, 1
        while True:
            more = self._exactly(1)[0]
            head += 1
            length |= (more & 0x7F) << shift
            shift += 7
            if more < 0x80:
                break
        return first >> 4, first & 0x0F, self._exactly(length), head + length

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._tls.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def _count_filters(body: bytes) -> int:
    rest, count = body[3 + body[2] :], 0
    while rest:
        rest = rest[2 + int.from_bytes(rest[:2], "big") + 1 :]
        count += 1
    return count


@contextmanager
def scripted(site: Site, script: Script | None = None) -> Iterator[ScriptedBroker]:
    """A broker that runs while the block does."""
    broker = ScriptedBroker(site, script or Script())
    try:
        yield broker
    finally:
        broker.close()


def by_feed(codes: Mapping[str, int | Goodbye | None]) -> Callable[[Published], int | Goodbye | None]:
    """Answer reads by their feed, all else with success."""
    return lambda published: codes.get(published.feed, 0) if published.feed else 0
