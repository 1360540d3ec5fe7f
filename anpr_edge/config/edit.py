"""Changes what a configuration file says of the picture, and nothing else in it; comments stay.

The new text must pass the configuration's own validation before it takes the file's place, and the old file
is kept beside it.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, Table

from anpr_edge.config.areas import ViewPlan
from anpr_edge.config.load import Inspection, inspect_text, read_text
from anpr_edge.durable import replace_like
from anpr_edge.errors import ConfigError

KEPT_SUFFIX: Final = ".before"
"""The old file's name is the new one's and this."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A file's new text, and what the validation says of it."""

    text: str
    inspection: Inspection


def fingerprint(path: Path) -> str:
    """What a file holds now, as a hash: it shows whether somebody else has changed it since.

    Raises: ConfigError when it cannot be read.
    """
    return hashlib.sha256(read_text(path).encode()).hexdigest()


def draft_view(path: Path, plan: ViewPlan) -> Draft:
    """The file's text with `[view]` as planned. Nothing is written.

    Raises: ConfigError when the file cannot be read, or its layout cannot be changed safely.
    """
    text, wanted = read_text(path), plan.table()
    for change in (_in_place, _anew):
        changed = change(text, wanted)
        if _changed_only_there(text, changed, wanted):
            return Draft(changed, inspect_text(path, changed))
    raise ConfigError(
        f"{path}: its section [view] is laid out in a way that cannot be changed safely",
        hint=f"put this there by hand:\n{tomlkit.dumps({'view': wanted})}",
    )


def replace_text(path: Path, text: str) -> Path:
    """Put a new text in a configuration's place in one step; gives the place of the old one.

    Owner and mode stay as they are.

    Raises: ConfigError when it cannot be written.
    """
    real = path.resolve()
    kept = real.with_name(real.name + KEPT_SUFFIX)
    try:
        before = real.stat()
        replace_like(kept, real.read_bytes(), before)
        replace_like(real, text.encode(), before)
    except OSError as error:
        raise ConfigError(f"{real}: cannot be replaced: {error.strerror}", hint="run it as root") from None
    return kept


def _in_place(text: str, wanted: Mapping[str, Any]) -> str:
    """With the section changed where it stands, its comments too; empty when its layout is beyond that."""
    try:
        document = tomlkit.parse(text)
        _put(document, wanted)
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def _anew(text: str, wanted: Mapping[str, Any]) -> str:
    """With the section taken out, and put at the end as it is to be; empty when not even that can be."""
    try:
        document = tomlkit.parse(text)
        document.pop("view", None)
        rest = tomlkit.dumps(document)
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError):
        return ""
    return f"{rest.rstrip()}\n\n{tomlkit.dumps({'view': wanted})}"


def _put(document: tomlkit.TOMLDocument, wanted: Mapping[str, Any]) -> None:
    if "view" not in document and wanted:
        document["view"] = tomlkit.table()
    view = document.get("view", {})
    for name in ("regions", "exclusions"):
        _set(view, name, wanted.get(name))
    lanes = wanted.get("lanes", {})
    for name in [name for name in view.get("lanes", {}) if name not in lanes]:
        del view["lanes"][name]
    if "lanes" in view and not lanes:
        del view["lanes"]
    for name, lane in lanes.items():
        if "lanes" not in view:
            view["lanes"] = tomlkit.table(is_super_table=True)
        if name not in view["lanes"]:
            view["lanes"][name] = tomlkit.table().append("polygon", _array(lane["polygon"])).add(tomlkit.nl())
        _set(view["lanes"][name], "polygon", lane["polygon"])


def _set(table: Table, key: str, value: list[Any] | None) -> None:
    """Change one key, if it says anything else now."""
    if value is None:
        table.pop(key, None)
    elif key not in table or table[key] != value:
        table[key] = _array(value)


def _array(value: list[Any]) -> Array:
    """On one line for each polygon."""
    array = tomlkit.array()
    nested = bool(value) and isinstance(value[0][0], list)
    for item in value:
        array.append(_array(item) if nested else item)
    return array.multiline(nested and len(value) > 1)


def _changed_only_there(before: str, after: str, wanted: Mapping[str, Any]) -> bool:
    """Whether the new text says the same as the old one but for the view, and of the view what was wanted."""
    try:
        old, new = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        return False
    old.pop("view", None)
    view = new.pop("view", {})
    return old == new and {name: value for name, value in view.items() if value} == dict(wanted)
