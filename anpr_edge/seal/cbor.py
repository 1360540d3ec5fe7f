"""CBOR in exactly one spelling: what is written is deterministic, and nothing else is read.

Reading is done here rather than by a general decoder because this is what a stranger's bytes meet
first: seven kinds of value, the shortest encoding of each, map keys in order, a shallow tree. Floats,
undefined, simple values, indefinite lengths and the many meanings of tags do not exist.

Source: RFC 8949 §4.2.1 (core deterministic encoding).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

import cbor2

from anpr_edge.errors import EnvelopeError, Refusal

DEEPEST = 8
"""How many arrays, maps and tags may lie inside one another; an envelope needs 5."""

Value = Union[int, bytes, str, bool, None, "list[Value]", "dict[int | str, Value]", "Tag"]

_SIMPLE: dict[int, bool | None] = {20: False, 21: True, 22: None}
_LONG_ARGUMENTS = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
"""How many bytes follow, and the least number that needs so many. Source: RFC 8949 §3 and §4.2.1."""
_NO_ARGUMENT = 0, 1
"""Nothing is as long as that: an indefinite length or a reserved form."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged value; the tag is for the caller to judge."""

    number: int
    value: Value


def encode(value: object) -> bytes:
    """The one encoding of `value`: ints, bytes, text, bools, None, lists, dicts and `Tag`."""
    return cbor2.dumps(_ordered(value))


def array(*encoded: bytes) -> bytes:
    """The encoding of an array whose items are encoded already, at most 23 of them."""
    return bytes((0x80 | len(encoded),)) + b"".join(encoded)


def byte_string(data: bytes) -> bytes:
    """The encoding of `data`, without `encode`'s look for maps: envelopes are mostly such strings."""
    return cbor2.dumps(data)


def _ordered(value: object) -> object:
    """`value` with its maps in the order of their encoded keys (cbor2's own order is RFC 7049's)."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=_place)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if isinstance(value, Tag):
        return cbor2.CBORTag(value.number, _ordered(value.value))
    return value


def _place(key: int | str) -> tuple[int, int, bytes]:
    """Compares as the encoded key does: major type, then number or length, then the text itself."""
    if isinstance(key, str):
        text = key.encode()
        return 3, len(text), text
    return (0, key, b"") if key >= 0 else (1, -1 - key, b"")


def decode(data: bytes, what: str) -> Value:
    """The value that `data` is the one encoding of.

    Raises: EnvelopeError (malformed, trailing-bytes); `what` names the thing in its message.
    """
    try:
        value, at = _item(data, 0, 0)
    except _Refused as refused:
        raise EnvelopeError(Refusal.MALFORMED, f"{what}: {refused}") from None
    if at != len(data):
        spare = len(data) - at
        raise EnvelopeError(Refusal.TRAILING_BYTES, f"{what}: {spare} bytes follow after the end")
    return value


class _Refused(Exception):
    """Why the bytes are not the one encoding of anything, and where."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(f"{why} at byte {at}")


def _item(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """The item that begins at `at`, and where the next one begins.

    A centre spends a quarter of its time here: plain functions over local names, the commonest items first.
    """
    if at >= len(data):
        raise _Refused("cut short", at)
    initial = data[at]
    if initial < 24:
        return initial, at + 1  # most items are such numbers, map keys above all
    major, argument = initial >> 5, initial & 0x1F
    at += 1
    if argument >= 24:
        width, least = _LONG_ARGUMENTS.get(argument, _NO_ARGUMENT)
        end = at + width
        argument = int.from_bytes(data[at:end])
        if argument < least or end > len(data) or major == 7:
            raise _no_argument(data, at, initial)
        at = end
    if major == 0:
        return argument, at
    if major == 3:
        return _text(data, at, argument)
    if major == 2:
        return _bytes(data, at, argument)
    if major == 4:
        return _list(data, at, argument, depth + 1)
    if major == 5:
        return _map(data, at, argument, depth + 1)
    if major == 6:
        _holds(data, at, 1, depth + 1)
        value, at = _item(data, at, depth + 1)
        return Tag(argument, value), at
    if major == 1:
        return -1 - argument, at
    if argument not in _SIMPLE:
        raise _Refused("a simple value or float", at)
    return _SIMPLE[argument], at


def _no_argument(data: bytes, at: int, initial: int) -> _Refused:
    """Why what follows an initial byte is not its argument."""
    width, _ = _LONG_ARGUMENTS.get(initial & 0x1F, _NO_ARGUMENT)
    if not width or initial >> 5 == 7:
        return _Refused("an indefinite length, float or reserved form", at)
    if at + width > len(data):
        return _Refused("cut short", at)
    return _Refused("a number longer than it need be", at + width)


def _list(data: bytes, at: int, items: int, depth: int) -> tuple[list[Value], int]:
    _holds(data, at, items, depth)
    found: list[Value] = []
    for _ in range(items):
        value, at = _item(data, at, depth)
        found.append(value)
    return found, at


def _map(data: bytes, at: int, pairs: int, depth: int) -> tuple[dict[int | str, Value], int]:
    _holds(data, at, 2 * pairs, depth)
    found: dict[int | str, Value] = {}
    before = b""
    for _ in range(pairs):
        start = at
        if at < len(data) and data[at] < 24:  # nearly every key, and not worth a call
            key: Value = data[at]
            at += 1
        else:
            key, at = _item(data, at, depth)
        if type(key) is not int and type(key) is not str:
            raise _Refused("a map key that is neither a number nor text", at)
        encoded = data[start:at]
        if encoded <= before:
            raise _Refused("map keys out of order or twice", at)
        before = encoded
        found[key], at = _item(data, at, depth)
    return found, at


def _text(data: bytes, at: int, length: int) -> tuple[str, int]:
    end = at + length
    if end > len(data):
        raise _Refused("cut short", at)
    try:
        return data[at:end].decode(), end
    except UnicodeDecodeError:
        raise _Refused("text that is not UTF-8", end) from None


def _bytes(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(data):
        raise _Refused("cut short", at)
    return data[at:end], end


def _holds(data: bytes, at: int, items: int, depth: int) -> None:
    """Refuse items too deep, and a length that the rest cannot hold, before anything is allocated."""
    if items > len(data) - at:
        raise _Refused("cut short", at)
    if depth > DEEPEST and items:
        raise _Refused(f"nested deeper than {DEEPEST}", at)
