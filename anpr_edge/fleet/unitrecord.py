"""What the workshop knows of one unit: units/NAME.toml in the fleet folder (docs/fleet.md)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from anpr_edge.fleet.authority import NAME, NAME_HINT
from anpr_edge.fleet.settings import checked_settings
from anpr_edge.fleet.tomltable import Table, toml_text
from anpr_edge.seal.wire_values import Wrong, text

LONGEST_NOTE_BYTES: Final = 400
LONGEST_SITE_BYTES: Final = 64
MOST_GROUPS: Final = 32
"""As in a unit's own configuration."""

_SERIAL = re.compile(r"[0-9a-f]{1,40}")
"""Source: RFC 5280 §4.1.2.2: at most 20 bytes."""


class State(StrEnum):
    """How far a unit has come."""

    PLANNED = "planned"
    BUNDLED = "bundled"
    ENROLLED = "enrolled"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class FleetUnit:
    """One unit. `mounting` and `settings` hold only what was stated; `serials` are its certificates', in hex,
    the newest last."""

    name: str
    state: State = State.PLANNED
    site: str = ""
    lat_deg: float | None = None
    lon_deg: float | None = None
    groups: tuple[str, ...] = ()
    mounting: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    note: str = ""
    serials: tuple[str, ...] = ()

    def table(self) -> dict[str, Any]:
        """As its file and `--json` have it, in a fixed order; what is not stated is left out."""
        site = {"name": self.site or None, "lat_deg": self.lat_deg, "lon_deg": self.lon_deg}
        document = {
            "state": str(self.state),
            "groups": list(self.groups),
            "note": self.note,
            "site": {key: value for key, value in site.items() if value is not None},
            "mounting": {key: self.mounting[key] for key in MOUNTING if key in self.mounting},
            "settings": {name: dict(values) for name, values in sorted(self.settings.items())},
            "certificates": {"serials": list(self.serials)} if self.serials else {},
        }
        return {key: value for key, value in document.items() if value not in ("", [], {})}

    def dump(self) -> bytes:
        """The text of its file."""
        return toml_text(self.table()).encode()


def number(lowest: float, highest: float) -> Callable[[Any], float]:
    """A check: a finite number within these limits. Raises: Wrong."""

    def check(value: Any) -> float:
        if type(value) not in (int, float) or not math.isfinite(value) or not lowest <= value <= highest:
            raise Wrong(f"{value!r} is not a number from {lowest:g} to {highest:g}")
        return float(value)

    return check


LATITUDE, LONGITUDE = number(-90, 90), number(-180, 180)
MOUNTING: Final[Mapping[str, Callable[[Any], float]]] = {
    "height_m": number(0.5, 30),
    "distance_m": number(1, 200),
    "offset_m": number(-50, 50),
    "bearing_deg": number(0, 360),
    "lens_mm": number(1, 200),
}
"""What is known of how a unit hangs: over the road, to where plates are read, beside the lane's middle (left
negative), where it looks (clockwise from north), and its lens's focal length."""

note_text, site_text = text(LONGEST_NOTE_BYTES), text(LONGEST_SITE_BYTES)


def name_text(value: str) -> str:
    """A unit's or group's name. Raises: Wrong."""
    if not NAME.fullmatch(value):
        raise Wrong(f"{value!r} is no name; {NAME_HINT}")
    return value


def group_names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Groups in a fixed order. Raises: Wrong."""
    if len(values) > MOST_GROUPS:
        raise Wrong(f"{len(values)} groups, at most {MOST_GROUPS}")
    return tuple(sorted({name_text(value) for value in values}))


def parse_unit(name: str, data: Mapping[str, Any]) -> FleetUnit:
    """A unit as its file's parsed TOML has it. Raises: Wrong, with the key's path."""
    whole = Table(data, "")
    site, mounting = whole.section("site"), whole.section("mounting")
    certificates = whole.section("certificates")
    unit = FleetUnit(
        name=name,
        state=whole.convert("state", _state, whole.take("state", str, State.PLANNED)),
        site=_optional(site, "name", site_text) or "",
        lat_deg=_optional(site, "lat_deg", LATITUDE),
        lon_deg=_optional(site, "lon_deg", LONGITUDE),
        groups=whole.convert("groups", group_names, whole.texts("groups")),
        mounting=_mounting(mounting),
        settings=whole.convert("settings", checked_settings, whole.take("settings", dict, {})),
        note=_optional(whole, "note", note_text) or "",
        serials=certificates.convert("serials", _serials, certificates.texts("serials")),
    )
    for table in (whole, site, mounting, certificates):
        table.end()
    return whole_place(unit)


def whole_place(unit: FleetUnit) -> FleetUnit:
    """The unit, whose position is whole. Raises: Wrong."""
    if (unit.lat_deg is None) != (unit.lon_deg is None):
        missing = "lat_deg" if unit.lat_deg is None else "lon_deg"
        raise Wrong(f"site.{missing}: missing; a position needs both coordinates or neither")
    return unit


def _mounting(table: Table) -> dict[str, float]:
    found = {key: _optional(table, key, check) for key, check in MOUNTING.items()}
    return {key: value for key, value in found.items() if value is not None}


def _optional(table: Table, name: str, check: Callable[[Any], Any]) -> Any:
    value = table.take(name, (str, int, float), None)
    return None if value is None else table.convert(name, check, value)


def _state(value: str) -> State:
    try:
        return State(value)
    except ValueError:
        raise Wrong(f"{value!r} is none of {', '.join(State)}") from None


def _serials(values: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [value for value in values if not _SERIAL.fullmatch(value)]:
        raise Wrong(f"{wrong[0]!r} is no serial number in hex")
    return values
