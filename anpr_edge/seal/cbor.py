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
_BYTES_OF_ARGUMENT = {24: 1, 25: 2, 26: 4, 27: 8}


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged value; the tag is for the caller to judge."""

    number: int
    value: Value


def encode(value: object) -> bytes:
    """The one encoding of `value`: ints, bytes, text, bools, None, lists, dicts and `Tag`."""
    return cbor2.dumps(_ordered(value))


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
    reader = _Reader(data, what)
    value = reader.value(0)
    if reader.at != len(data):
        spare = len(data) - reader.at
        raise EnvelopeError(Refusal.TRAILING_BYTES, f"{what}: {spare} bytes follow after the end")
    return value


class _Reader:
    """Reads one item after another from `data`, which `at` points into."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._end = len(data)
        self._what = what
        self.at = 0

    def value(self, depth: int) -> Value:
        if depth > DEEPEST:
            raise self._refused(f"nested deeper than {DEEPEST}")
        if self.at < self._end and (small := self._data[self.at]) < 24:
            self.at += 1  # most items are such numbers, map keys above all
            return small
        major, argument = self._head()
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return self._text(argument)
            case 4:
                below = depth + 1
                return [self.value(below) for _ in range(self._count(argument))]
            case 5:
                return self._map(self._count(2 * argument) // 2, depth)
            case 6:
                return Tag(argument, self.value(depth + 1))
        if argument not in _SIMPLE:
            raise self._refused("a simple value or float")
        return _SIMPLE[argument]

    def _head(self) -> tuple[int, int]:
        """An item's major type and argument, which must be in its shortest form."""
        if self.at >= self._end:
            raise self._refused("cut short")
        initial = self._data[self.at]
        self.at += 1
        major, short = initial >> 5, initial & 0x1F
        if short < 24:
            return major, short
        width = _BYTES_OF_ARGUMENT.get(short)
        if width is None or major == 7:
            raise self._refused("an indefinite length, float or reserved form")
        argument = int.from_bytes(self._take(width))
        if argument < (24 if width == 1 else 1 << 4 * width):
            raise self._refused("a number longer than it need be")
        return major, argument

    def _map(self, pairs: int, depth: int) -> dict[int | str, Value]:
        found: dict[int | str, Value] = {}
        before = b""
        for _ in range(pairs):
            start = self.at
            key = self.value(depth + 1)
            encoded = self._data[start : self.at]
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise self._refused("a map key that is neither a number nor text")
            if encoded <= before:
                raise self._refused("map keys out of order or twice")
            before = encoded
            found[key] = self.value(depth + 1)
        return found

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeDecodeError:
            raise self._refused("text that is not UTF-8") from None

    def _count(self, items: int) -> int:
        """Refuse a length that the rest of the data cannot hold, before anything is allocated."""
        if items > self._end - self.at:
            raise self._refused("cut short")
        return items

    def _take(self, length: int) -> bytes:
        end = self.at + length
        if end > self._end:
            raise self._refused("cut short")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def _refused(self, why: str) -> EnvelopeError:
        return EnvelopeError(Refusal.MALFORMED, f"{self._what}: {why} at byte {self.at}")
