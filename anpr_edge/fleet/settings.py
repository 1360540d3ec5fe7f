"""Settings of units that the workshop states: `[settings.SECTION]`, for the whole fleet or one unit."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from anpr_edge.seal.wire_values import Wrong

VIEW: Final = "view"
"""The section of areas. They are a unit's alone: fleet.toml states none."""
ELSEWHERE: Final[Mapping[str, str]] = {
    "unit.fleet": "fleet, in fleet.toml",
    "unit.id": "the name of the unit's file",
    "site": "[site] of the unit's file",
    "feeds": "[feeds.NAME] or [policy] of fleet.toml",
    "policy": "[policy] of fleet.toml",
    "broker.host": "[broker] of fleet.toml",
    "broker.port": "[broker] of fleet.toml",
    "broker.standby": "[broker.standby.NAME] of fleet.toml",
    "commands.groups": "groups of the unit's file",
}
"""What of a unit's configuration the fleet folder states in a place of its own."""


def checked_settings(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Sections of a unit's configuration, none of which is stated elsewhere. Raises: Wrong."""
    for section, values in given.items():
        if not isinstance(values, Mapping):
            raise Wrong(f"{section} is no section; write [settings.{section}]")
        for name in (section, *(f"{section}.{key}" for key in values)):
            if name in ELSEWHERE:
                raise Wrong(f"{name} is no setting; it is {ELSEWHERE[name]}")
    return {section: dict(values) for section, values in given.items()}


def value_of(text: str) -> Any:
    """A value as TOML would have it: a number, true or false, a list; anything else is text."""
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if len(found) == 1 else text


def joined(general: Mapping[str, Any], special: Mapping[str, Any]) -> dict[str, Any]:
    """`general`, with what `special` says in its place, section by section."""
    result = dict(general)
    for key, value in special.items():
        before = result.get(key)
        inner = isinstance(value, Mapping) and isinstance(before, Mapping)
        result[key] = joined(before, value) if inner else value  # type: ignore[arg-type]
    return result
