"""Turns what the validator found into lines people can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from anpr_edge.config.lines import KeyPath, LineMap
from anpr_edge.config.schema import allowed, field_at, known_keys, known_names, toml_value

LONGEST_SHOWN = 60
_SECRET_NAME = re.compile(
    r"pass|secret|token|private|credential|(^|_)(key|pin)(_|$)|recipients", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"PRIVATE|SECRET|://[^/]*@|[A-Za-z0-9+/_=-]{32,}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration, and where."""

    file: str
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.text) if part)


def key_text(path: KeyPath) -> str:
    """A key as people write it: `feeds.police.recipients[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(path: KeyPath, value: object) -> str:
    """A value as the file has it, or "the value" where it may be a secret or is long."""
    text = toml_value(value)
    secret = _SECRET_NAME.search(key_text(path)) or _SECRET_VALUE.search(text)
    return "the value" if secret or len(text) > LONGEST_SHOWN or isinstance(value, Mapping) else text


def from_validator(errors: Iterable[ErrorDetails]) -> list[tuple[KeyPath, str]]:
    """The validator's errors as (key, text); what follows from a misspelt name is left out."""
    found: list[tuple[KeyPath, str]] = []
    explained: set[KeyPath] = set()
    missing: list[tuple[KeyPath, str]] = []
    for error in errors:
        path = tuple(error["loc"])
        if error["type"] == "extra_forbidden":
            text, meant = _unknown(path, error["input"])
            explained.add(meant)
            found.append((path, text))
        elif error["type"] == "missing":
            missing.append((path, f"missing; needs {_allowed_at(path)}"))
        else:
            found.append(_refused(path, error["input"]))
    found += [(path, text) for path, text in missing if path not in explained]
    return [(path, text) for path, text in found if not _has_item(path, found)]


def _has_item(path: KeyPath, found: Iterable[tuple[KeyPath, str]]) -> bool:
    """Whether another finding names an item of this list, however deep, and so says more."""
    depth = len(path)
    return any(other[:depth] == path and isinstance((*other, None)[depth], int) for other, _ in found)


def _refused(path: KeyPath, value: object) -> tuple[KeyPath, str]:
    if path[-1] == "[key]":  # the name of a section is at fault, not a value in it
        return path[:-1], f"{toml_value(path[-2])} is not allowed as a name; must be {_name_rule()}"
    return path, f"{shown(path, value)} is not allowed; must be {_allowed_at(path)}"


def _allowed_at(path: KeyPath) -> str:
    names = tuple(part for part in path if isinstance(part, str))
    field = field_at(names)
    return allowed(field, each=isinstance(path[-1], int)) if field else "a section"


def _name_rule() -> str:
    return _allowed_at(("unit", "fleet"))


def _unknown(path: KeyPath, value: object) -> tuple[str, KeyPath]:
    """What to say of a key nobody knows, and which key was probably meant."""
    *section, name = (str(part) for part in path)
    what = "section" if isinstance(value, Mapping) else "key"
    names = known_names(tuple(section))
    if near := get_close_matches(name, names, n=1):
        return f"unknown {what}; did you mean {near[0]}?", (*section, near[0])
    homes = [key.text for key in known_keys() if key.path[-1] == name]
    if homes:
        return f"unknown {what} here; did you mean {' or '.join(homes)}?", ()
    place = f"[{'.'.join(section)}]" if section else "a configuration"
    return f"unknown {what}; {place} may have {', '.join(names)}", ()


def located(file: str, lines: LineMap, found: Iterable[tuple[KeyPath, str]]) -> tuple[Problem, ...]:
    """Problems with their lines, in the order of the file."""
    problems = {Problem(file, lines.nearest(path), key_text(path), text): None for path, text in found}
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def syntax_problem(file: str, message: str, lines: LineMap) -> Problem:
    """A TOML syntax error with its line, naming the key when it was given twice."""
    at = re.search(r" \(at line (\d+), column \d+\)$", message)
    if not at:
        return Problem(file, None, "", f"not TOML: {_lower_first(message)}")
    line = int(at[1])
    for path, second, first in lines.repeated:
        if second <= line:
            return Problem(file, second, key_text(path), f"given twice; first on line {first}")
    return Problem(file, line, "", f"not TOML: {_lower_first(message[: at.start()])}")


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def merged(data: Mapping[str, Any], path: tuple[str, str], value: Any) -> dict[str, Any]:
    """`data` with a derived default put in where its section can take it and has none."""
    section = data.get(path[0], {})
    if not isinstance(section, Mapping):
        return dict(data)
    return {**data, path[0]: {path[1]: value, **section}}
