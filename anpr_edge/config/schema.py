"""What the configuration may hold, in words: for messages, `config show` and docs/configuration.md."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic.fields import FieldInfo

from anpr_edge.config.model import Allowed, Config, Section

ANY_NAME = "NAME"
"""Stands for the name of a feed or a lane in a key's path."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the schema: its path, such as ("feeds", "NAME", "purpose"), and its field."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def text(self) -> str:
        """The key as people write it."""
        return ".".join(self.path)


def section_type(annotation: Any) -> type[Section] | None:
    """The section a field holds, looking through `| None` and named sections; None for a plain value."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Section) else None
    inner = (section_type(part) for part in get_args(annotation))
    return next((found for found in inner if found), None)


def is_named(annotation: Any) -> bool:
    """Whether a field holds several sections under names of the writer's own."""
    return get_origin(annotation) is dict


def known_keys(section: type[Section] = Config, path: tuple[str, ...] = ()) -> Iterator[Key]:
    """Every key that holds a value, in the order of the model."""
    for name, field in section.model_fields.items():
        here = (*path, name)
        inner = section_type(field.annotation)
        if inner is None:
            yield Key(here, field)
        else:
            yield from known_keys(inner, (*here, ANY_NAME) if is_named(field.annotation) else here)


def known_names(path: tuple[str, ...]) -> tuple[str, ...]:
    """The names a section may have in it; empty when there is no such section."""
    section = section_at(path)
    return tuple(section.model_fields) if section else ()


def field_at(path: tuple[str, ...]) -> FieldInfo | None:
    """The field a key's path leads to; None when the schema has no such key."""
    section = section_at(path[:-1])
    return section.model_fields.get(path[-1]) if section and path else None


def schema_path(written: tuple[str, ...]) -> tuple[str, ...]:
    """A key's path as the schema has it: `ANY_NAME` where the writer put a name of their own."""
    path: tuple[str, ...] = ()
    named = False
    for part in written:
        path = (*path, ANY_NAME if named else part)
        field = None if named else field_at(path)
        named = field is not None and is_named(field.annotation)
    return path


def section_at(path: tuple[str, ...]) -> type[Section] | None:
    """The section a path leads to; None when the schema has no such section."""
    section: type[Section] | None = Config
    parts = iter(path)
    for part in parts:
        field = section.model_fields.get(part) if section else None
        if field is None:
            return None
        section = section_type(field.annotation)
        if is_named(field.annotation):
            next(parts, None)
    return section


def allowed(field: FieldInfo, *, each: bool = False) -> str:
    """What a field, or `each` item of its list, may hold: "a whole number from 20 to 1000000"."""
    for mark in field.metadata:
        if isinstance(mark, Allowed):
            return mark.each if each and mark.each else mark.text
    kind = _without_none(field.annotation)
    if section := section_type(kind):
        needed = [name for name, inner in section.model_fields.items() if inner.is_required()]
        return f"a section with {', '.join(needed)}" if needed else "a section"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(_literal(value) for value in get_args(kind))}"
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return ("a whole number" if kind is int else "a number") + _range(field)
    return "text in quotes" + _length(field)


def _range(field: FieldInfo) -> str:
    low = next((mark for mark in field.metadata if isinstance(mark, Ge | Gt)), None)
    high = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    if low is None or high is None:
        return ""
    start = f" above {low.gt}" if isinstance(low, Gt) else f" from {low.ge}"
    return f"{start} to {high}"


def _length(field: FieldInfo) -> str:
    shortest = next((mark.min_length for mark in field.metadata if isinstance(mark, MinLen)), 0)
    longest = next((mark.max_length for mark in field.metadata if isinstance(mark, MaxLen)), None)
    return f", {shortest} to {longest} characters" if longest else ""


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def flatten(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of nested sections with its path, in order."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, (*path, name))
        else:
            yield (*path, name), value


def toml_value(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, str | Path):
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04X}" for char in escaped) + '"'
    return str(value)
