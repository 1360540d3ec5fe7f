"""What a broker's reason codes mean to a unit: which connection failed how, and what comes next."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class Code(IntEnum):
    """Reason codes a unit acts on. Source: MQTT 5.0 §2.4."""

    NOT_AUTHORISED = 0x87
    BAD_CREDENTIALS = 0x86
    BAD_IDENTIFIER = 0x85
    BANNED = 0x8A
    UNAVAILABLE = 0x88
    BUSY = 0x89
    SHUTTING_DOWN = 0x8B
    TAKEN_OVER = 0x8E
    TOPIC_INVALID = 0x90
    TOO_MANY_UNANSWERED = 0x93
    PACKET_TOO_LARGE = 0x95
    RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    NO_RETAIN = 0x9A
    NO_QOS = 0x9B
    USE_ANOTHER = 0x9C
    MOVED = 0x9D
    CONNECTION_RATE = 0x9F


class Cause(StrEnum):
    """Why there is no connection. Values are stable: state files, doctor and docs name them."""

    NONE = ""
    LOST = "lost"
    CREDENTIALS = "credentials"
    NOT_AUTHORISED = "not-authorised"
    SUBSCRIPTION = "subscription-refused"
    TAKEN_OVER = "taken-over"
    BUSY = "busy"
    QUOTA = "quota-exceeded"
    PACKET = "packet-too-large"
    RETAIN = "retain-not-supported"
    QOS = "qos-not-supported"
    ELSEWHERE = "use-another"
    MOVED = "moved"


_CAUSES: Final = {
    Code.NOT_AUTHORISED: Cause.NOT_AUTHORISED,
    Code.BAD_CREDENTIALS: Cause.NOT_AUTHORISED,
    Code.BAD_IDENTIFIER: Cause.NOT_AUTHORISED,
    Code.BANNED: Cause.NOT_AUTHORISED,
    Code.UNAVAILABLE: Cause.BUSY,
    Code.BUSY: Cause.BUSY,
    Code.SHUTTING_DOWN: Cause.BUSY,
    Code.CONNECTION_RATE: Cause.BUSY,
    Code.TAKEN_OVER: Cause.TAKEN_OVER,
    Code.TOO_MANY_UNANSWERED: Cause.QUOTA,
    Code.RATE_TOO_HIGH: Cause.QUOTA,
    Code.QUOTA_EXCEEDED: Cause.QUOTA,
    Code.PACKET_TOO_LARGE: Cause.PACKET,
    Code.NO_RETAIN: Cause.RETAIN,
    Code.NO_QOS: Cause.QOS,
    Code.USE_ANOTHER: Cause.ELSEWHERE,
    Code.MOVED: Cause.MOVED,
}

HOPELESS: Final = frozenset(
    {Cause.NOT_AUTHORISED, Cause.SUBSCRIPTION, Cause.BUSY, Cause.QOS, Cause.ELSEWHERE, Cause.MOVED}
)
"""What the same broker would say again at once: a standby, where there is one, is asked next."""

HOLDING: Final = frozenset({Code.NOT_AUTHORISED, Code.TOPIC_INVALID})
"""Answers to a read that hold back its whole feed: the next read of it would be answered alike."""

SLOWING: Final = frozenset({Code.QUOTA_EXCEEDED, Code.RATE_TOO_HIGH})
"""Answers to a read that slow everything down."""


def cause_of(code: int | None) -> Cause:
    """Why a connection ended with this reason code in CONNACK or DISCONNECT; None: without one."""
    known = {int(one): cause for one, cause in _CAUSES.items()}
    return Cause.LOST if code is None else known.get(code, Cause.LOST)
