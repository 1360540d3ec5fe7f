"""How many vehicles passed each unit, lane and direction in each interval: AnprFlowObserved, without plates.

Source: smart-data-models, dataModel.Transportation, AnprFlowObserved; interval and count are named as in
its ItemFlowObserved and TrafficFlowObserved, on which it builds (docs/exports.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from anpr_edge.central.documents import utc_ns_of, utc_text

Position = tuple[float, float]
"""Latitude and longitude in degrees."""

_DIRECTIONS = {"toward": "towards", "away": "away"}


class _Place(NamedTuple):
    start_utc_ns: int
    fleet: str
    unit: str
    lane: str
    direction: str


@dataclass(slots=True)
class _Count:
    vehicles: int = 0
    position: Position | None = None


class Flows:
    """Counts stored reads; `positions` are the units' that send none, `interval_s` divides a day."""

    def __init__(self, interval_s: int, positions: Mapping[str, Position] | None = None) -> None:
        self._interval_ns = interval_s * 1_000_000_000
        self._positions = positions or {}
        self._counts: dict[_Place, _Count] = {}
        self.unplaced = 0
        """Reads of units whose position nobody knows: the model demands one, so they are in no entity."""

    def count(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Count these reads too."""
        for document in documents:
            read = document["read"]
            first_utc_ns = utc_ns_of(read["first_utc"])
            place = _Place(
                first_utc_ns - first_utc_ns % self._interval_ns,
                document["fleet"],
                document["unit"],
                read.get("lane") or "",
                read.get("direction") or "",
            )
            count = self._counts.setdefault(place, _Count(position=self._positions.get(place.unit)))
            count.vehicles += 1
            count.position = count.position or _position(read.get("fix"))

    def entities(self) -> Iterator[dict[str, Any]]:
        """One NGSI-LD entity (key-values form) for each interval, unit, lane and direction with vehicles."""
        self.unplaced = 0
        for place, count in sorted(self._counts.items()):
            if count.position is None:
                self.unplaced += count.vehicles
            else:
                yield self._entity(place, count.vehicles, count.position)

    def _entity(self, place: _Place, vehicles: int, position: Position) -> dict[str, Any]:
        start, end = utc_text(place.start_utc_ns), utc_text(place.start_utc_ns + self._interval_ns)
        parts = (place.fleet, place.unit, place.lane or "all", place.direction or "any", start)
        entity = {
            "id": ":".join(("urn:ngsi-ld:AnprFlowObserved", *parts)),
            "type": "AnprFlowObserved",
            "dateObserved": start,
            "dateObservedFrom": start,
            "dateObservedTo": end,
            "location": {"type": "Point", "coordinates": [position[1], position[0]]},
            "observedBy": f"urn:ngsi-ld:Device:{place.fleet}:{place.unit}",
            "intensity": vehicles,
        }
        if place.lane:
            entity["laneId"] = place.lane
        if place.direction:
            entity["observedVehicle"] = {"direction": _DIRECTIONS[place.direction]}
        return entity


def _position(fix: Mapping[str, Any] | None) -> Position | None:
    if not fix or fix.get("lat_deg") is None or fix.get("lon_deg") is None:
        return None
    return round(fix["lat_deg"], 5), round(fix["lon_deg"], 5)
