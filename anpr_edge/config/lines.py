"""Finds the line of every key in a TOML text, which the TOML parser of the standard library does not tell."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_ONE_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_KEY = re.compile(rf"{_ONE_KEY}(?:[ \t]*\.[ \t]*{_ONE_KEY})*")
_HEADER = re.compile(rf"(\[\[?)[ \t]*({_KEY.pattern})[ \t]*\]\]?")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})' r"|'''.*?'''(?:'{0,2})" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[^,\]}#\n]+")


class LineMap:
    """Where each key of a TOML text stands: `line(("camera", "width"))`.

    `repeated` lists keys given twice, with the lines of the second and the first. A text that is not
    TOML is mapped as far as it makes sense.
    """

    def __init__(self, text: str) -> None:
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self.repeated: list[tuple[KeyPath, int, int]] = []
        for path, offset, is_value in _Scanner(text).assignments():
            self._add(path, bisect_right(self._newlines, offset - 1) + 1, is_value)

    def line(self, path: KeyPath) -> int | None:
        """The line of a key, counted from 1; None when the text does not have it."""
        return self._lines.get(path)

    def nearest(self, path: KeyPath) -> int | None:
        """The line of a key, or of the innermost section that should have had it."""
        return next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), None)

    def _add(self, path: KeyPath, line: int, is_value: bool) -> None:
        if is_value and path in self._lines:
            self.repeated.append((path, line, self._lines[path]))
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)


class _Scanner:
    """Walks a TOML text once and gives each key's full path with its offset."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._tables: dict[KeyPath, int] = {}

    def assignments(self) -> Iterator[tuple[KeyPath, int, bool]]:
        """(path, offset, is a value rather than a section) in the order of the text."""
        table: KeyPath = ()
        while self._skip_blank() < len(self._text):
            start = self._at
            if header := self._take(_HEADER):
                table = self._enter(_parts(header[2]), many=header[1] == "[[")
                yield table, start, False
            elif self._peek() != "[" and (key := self._take(_KEY)) and self._take(_EQUALS):
                yield from self._value((*table, *_parts(key[0])), start)
            else:
                self._skip_line()

    def _enter(self, parts: KeyPath, *, many: bool) -> KeyPath:
        """The path of a section: inside the latest element where a list of sections is open."""
        path: KeyPath = ()
        for position, part in enumerate(parts, start=1):
            path = (*path, part)
            if position == len(parts) and many:
                self._tables[path] = self._tables.get(path, -1) + 1
            if path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _value(self, path: KeyPath, start: int) -> Iterator[tuple[KeyPath, int, bool]]:
        yield path, start, True
        if self._peek() == "[":
            yield from self._array(path)
        elif self._peek() == "{":
            yield from self._inline_table(path)
        elif not self._take(_STRING) and not self._take(_BARE):
            self._skip_line()

    def _array(self, path: KeyPath) -> Iterator[tuple[KeyPath, int, bool]]:
        self._at += 1
        index = 0
        while self._skip_blank() < len(self._text) and self._peek() != "]":
            before = self._at
            if self._peek() == ",":
                self._at += 1
                index += 1
                continue
            yield from self._value((*path, index), self._at)
            if self._at == before:
                return
        self._at += 1

    def _inline_table(self, path: KeyPath) -> Iterator[tuple[KeyPath, int, bool]]:
        self._at += 1
        while self._skip_blank() < len(self._text) and self._peek() != "}":
            start = self._at
            if self._peek() == ",":
                self._at += 1
            elif (key := self._take(_KEY)) and self._take(_EQUALS):
                yield from self._value((*path, *_parts(key[0])), start)
            else:
                return
        self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _skip_blank(self) -> int:
        self._take(_BLANK)
        return self._at

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end + 1


def _parts(key: str) -> tuple[str, ...]:
    """A dotted key's parts, unquoted: `a."b.c"` → ("a", "b.c")."""
    try:
        node: object = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return (key,)
    parts: list[str] = []
    while isinstance(node, dict):
        ((part, node),) = node.items()
        parts.append(part)
    return tuple(parts)
