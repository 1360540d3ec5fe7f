"""Areas of the picture: as the page and files have them, in words, and on their way to the workshop.

A unit's areas are drawn under its pole; the fleet folder has to know them for the machine that one day takes
its place. `UNIT.areas.json` carries them there: one JSON object, so that half a file is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from anpr_edge.config.model import ViewSettings
from anpr_edge.errors import UsageError
from anpr_edge.records import Point

SCHEMA: Final = 1
SUFFIX: Final = ".areas.json"
LARGEST_BYTES: Final = 256 * 1024
"""64 polygons and as many lanes, of 64 corners each, take less."""
DIGITS: Final = 4
"""Of a corner's shares: a tenth of a pixel in a picture of 1,000."""

Polygon = Sequence[Point]


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """What `[view]` is to say. Corners are shares of the picture's width and height."""

    regions: Sequence[Polygon] = ()
    exclusions: Sequence[Polygon] = ()
    lanes: Mapping[str, Polygon] = field(default_factory=dict)

    def table(self) -> dict[str, Any]:
        """The section as TOML's own values; what is empty is left out."""
        whole = {
            "regions": [_corners(polygon) for polygon in self.regions],
            "exclusions": [_corners(polygon) for polygon in self.exclusions],
            "lanes": {name: {"polygon": _corners(polygon)} for name, polygon in self.lanes.items()},
        }
        return {name: value for name, value in whole.items() if value}

    def values(self) -> dict[str, Any]:
        """As JSON has it, with what is empty; `plan_of` reads it again."""
        return {
            "regions": [_corners(polygon) for polygon in self.regions],
            "exclusions": [_corners(polygon) for polygon in self.exclusions],
            "lanes": {name: _corners(polygon) for name, polygon in self.lanes.items()},
        }

    def words(self) -> str:
        """How much there is, for people."""
        counts = (
            ("region", len(self.regions)),
            ("exclusion", len(self.exclusions)),
            ("lane", len(self.lanes)),
        )
        named = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts if count]
        return ", ".join(named) or "no areas: the whole picture is read"


def plan_in(view: ViewSettings) -> ViewPlan:
    """The areas that a configuration has."""
    return ViewPlan(view.regions, view.exclusions, {name: lane.polygon for name, lane in view.lanes.items()})


def plan_of(values: Any) -> ViewPlan:
    """Areas as JSON has them; whether they can be is the configuration's to say. Raises: UsageError."""
    try:
        return ViewPlan(
            [_polygon(one) for one in values["regions"]],
            [_polygon(one) for one in values["exclusions"]],
            {str(name): _polygon(one) for name, one in values["lanes"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UsageError("no view: regions, exclusions and lanes of corners [x, y]") from None


def changes(before: ViewPlan, after: ViewPlan) -> list[str]:
    """What differs, in words; where lanes overlap, the first one counts, so their order is something, too."""
    old, new = before.values(), after.values()
    found = [
        f"{name}: {len(old[name])} before, {len(new[name])} now"
        for name in ("regions", "exclusions")
        if old[name] != new[name]
    ]
    old, new = old["lanes"], new["lanes"]
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            what = "new" if name not in old else "removed" if name not in new else "changed"
            found.append(f"lane {name}: {what}")
    if [name for name in old if name in new] != [name for name in new if name in old]:
        found.append(f"lanes: now in the order {', '.join(new)}")
    return found


@dataclass(frozen=True, slots=True)
class UnitAreas:
    """One unit's areas, on their way to the workshop."""

    fleet: str
    unit: str
    plan: ViewPlan

    def dump(self) -> bytes:
        """The text of its file."""
        document = {"schema": SCHEMA, "fleet": self.fleet, "unit": self.unit, "view": self.plan.values()}
        return json.dumps(document).encode() + b"\n"


def areas_in(content: bytes, path: Path) -> UnitAreas:
    """The areas in what the file `path` holds. Raises: UsageError saying why there are none."""
    try:
        document = json.loads(content)
        schema, names = document["schema"], (document["fleet"], document["unit"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError(
            f"{path}: not a file of areas, or cut short",
            hint="save it on the unit once more: anpr-edge config areas --out FOLDER",
        ) from None
    if schema != SCHEMA:
        raise UsageError(
            f"{path}: areas of schema {schema!r}, and this software knows {SCHEMA}",
            hint="use the same version in the workshop and on the unit",
        )
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"{path}: does not name its fleet and unit")
    try:
        return UnitAreas(*names, plan_of(document.get("view")))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _polygon(corners: Any) -> list[Point]:
    return [(_share(x), _share(y)) for x, y in corners]


def _share(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(value)
    return float(value)


def _corners(polygon: Polygon) -> list[list[float]]:
    return [[round(float(x), DIGITS), round(float(y), DIGITS)] for x, y in polygon]
