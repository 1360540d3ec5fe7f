"""How many bytes a connection has put on the wire, as whoever bills the link counts them."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

TCP_INFO_BYTES: Final = 208
_BYTES_RECEIVED, _SEGMENTS, _BYTES_SENT = struct.Struct("=Q"), struct.Struct("=II"), struct.Struct("=Q")
_RETRANSMITS_AT, _RECEIVED_AT, _SEGMENTS_AT, _SENT_AT = 2, 128, 136, 200
"""Where Linux keeps what a connection has carried: how often the last was sent again in vain, bytes received,
segments out and in, bytes sent with what was sent again.
Source: Linux uapi/linux/tcp.h, struct tcp_info (bytes_sent since 4.19)."""

TCP_HEADER: Final = 32
"""With timestamps, which Linux uses unless told otherwise. Source: RFC 9293 §3.1, RFC 7323 §3.2."""

IP_HEADER: Final = {socket.AF_INET: 20, socket.AF_INET6: 40}
"""Source: RFC 791 §3.1, RFC 8200 §3."""


@dataclass(frozen=True, slots=True)
class Wire:
    """Bytes of IP packets: payload, MQTT, TLS, TCP and IP headers, acknowledgements, what was sent again."""

    sent: int = 0
    received: int = 0

    @property
    def total(self) -> int:
        return self.sent + self.received

    def __add__(self, other: Wire) -> Wire:
        return Wire(self.sent + other.sent, self.received + other.received)

    def __sub__(self, other: Wire) -> Wire:
        return Wire(self.sent - other.sent, self.received - other.received)


class Meter:
    """Counts one connection, from its socket, by the kernel's own numbers; nothing where there are none."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._wire = Wire()
        self.unheard = False

    def watch(self, connection: socket.socket) -> None:
        """Count this socket from now on, with what it has carried already."""
        self._socket = connection

    def read(self) -> Wire:
        """What was carried up to now."""
        if self._socket is not None:
            self._wire = carried_by(self._socket) or self._wire
        return self._wire

    def release(self) -> None:
        """Take the last reading: the socket is about to be closed.

        `unheard` then says whether the other side has acknowledged what was sent last, sent again or not.
        """
        self.read()
        self.unheard = self._socket is not None and _sent_in_vain(self._socket)
        self._socket = None


def _sent_in_vain(connection: socket.socket) -> bool:
    info = _tcp_info(connection)
    return info is not None and info[_RETRANSMITS_AT] > 0


def _tcp_info(connection: socket.socket) -> bytes | None:
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    except (OSError, AttributeError):
        return None
    return info if len(info) >= TCP_INFO_BYTES else None


def carried_by(connection: socket.socket) -> Wire | None:
    """What the kernel says that a TCP socket has carried; None when it does not say."""
    info = _tcp_info(connection)
    if info is None:
        return None
    header = TCP_HEADER + IP_HEADER.get(connection.family, IP_HEADER[socket.AF_INET6])
    out, came = _SEGMENTS.unpack_from(info, _SEGMENTS_AT)
    (sent,) = _BYTES_SENT.unpack_from(info, _SENT_AT)
    (received,) = _BYTES_RECEIVED.unpack_from(info, _RECEIVED_AT)
    return Wire(sent + out * header, received + came * header)
