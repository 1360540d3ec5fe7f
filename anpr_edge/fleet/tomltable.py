"""Tables of TOML files. Read strictly: every key is taken once, and what is left over was never known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

import tomli_w

from anpr_edge.seal.wire_values import Wrong

_CORNER: Final = re.compile(r"\[\n\s+(-?[\d.e-]+),\n\s+(-?[\d.e-]+),\n\s*\]")
"""Two numbers on lines of their own. In a text of one line, which is how texts are written, there is none."""


def toml_text(document: Mapping[str, Any]) -> str:
    """A document as TOML. An area has a line for each of its corners, for whoever compares two versions."""
    return _CORNER.sub(r"[\1, \2]", tomli_w.dumps(document))


class Table:
    """One table; `path` is how its keys are called in messages, empty for the whole file.

    Raises: Wrong, which begins with the key's path.
    """

    def __init__(self, values: object, path: str) -> None:
        if not isinstance(values, Mapping):
            raise Wrong(f"{path}: not a section")
        self._values = dict(values)
        self._path = path
        self._known: list[str] = []

    def take(self, name: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
        """The value under `name`, which must be a `kind`; without a `default` it has to be there."""
        self._known.append(name)
        value = self._values.pop(name, default)
        if value is ...:
            raise Wrong(f"{self.at(name)}: missing")
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if value is not default and type(value) not in kinds:
            wanted = " or ".join(one.__name__ for one in kinds)
            raise Wrong(f"{self.at(name)}: needs {wanted}, not {type(value).__name__}")
        return value

    def convert(self, name: str, convert: Callable[[Any], Any], value: Any) -> Any:
        """`convert(value)`; what is wrong with it is said with the key's name."""
        try:
            return convert(value)
        except Wrong as wrong:
            raise Wrong(f"{self.at(name)}: {wrong}") from None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty when the key is not there."""
        values = self.take(name, list, [])
        if not all(isinstance(value, str) for value in values):
            raise Wrong(f"{self.at(name)}: needs texts in quotes")
        return tuple(values)

    def section(self, name: str) -> Table:
        """The table under `name`; an empty one when it is not there."""
        return Table(self.take(name, dict, {}), self.at(name))

    def sections(self, name: str) -> dict[str, Table]:
        """The tables under `name`, each under its own name."""
        inner = self.take(name, dict, {})
        return {key: Table(inner[key], f"{self.at(name)}.{key}") for key in inner}

    def at(self, name: str) -> str:
        """What a key is called in messages."""
        return f"{self._path}.{name}" if self._path else name

    def end(self) -> None:
        """Refuse what nobody took."""
        for name in self._values:
            near = get_close_matches(name, self._known, n=1)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join(self._known)}"
            raise Wrong(f"{self.at(name)}: unknown; {known}")
