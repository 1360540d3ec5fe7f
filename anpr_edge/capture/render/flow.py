"""Traffic as dense as wanted, in both lanes, in which nobody drives through anybody."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from anpr_edge.capture.render.conditions import Condition
from anpr_edge.capture.render.courses import FAR_M, NEAR_M, overtaking, parked, queue
from anpr_edge.capture.render.lettering import van_lettering
from anpr_edge.capture.render.plates import UK_SINGLE_ROW, UK_SINGLE_ROW_BAND, UK_TWO_ROW, PlateArt
from anpr_edge.capture.render.scene import LANE_WIDTH_M
from anpr_edge.capture.render.traffic import MID_Y_M, Kind, make_vehicle
from anpr_edge.capture.render.vehicles import (
    CAR_FRONT,
    CAR_REAR,
    OFF_ROAD_REAR,
    VAN_FRONT,
    VAN_REAR,
    Vehicle,
)
from anpr_edge.records import Direction

Situation = Literal["flow", "queue", "overtaking", "parked", "return", "vans"]

_HEADWAY_M: Final = 7.5
_FIRST_S: Final = 0.4
_LANE_X_M: Final = LANE_WIDTH_M / 2
_TOWARD: Final[tuple[Kind, ...]] = (
    (CAR_FRONT, UK_SINGLE_ROW, "toward"),
    (VAN_FRONT, UK_SINGLE_ROW_BAND, "toward"),
    (CAR_FRONT, UK_SINGLE_ROW_BAND, "toward"),
)
_AWAY: Final[tuple[Kind, ...]] = (
    (CAR_REAR, UK_SINGLE_ROW, "away"),
    (VAN_REAR, UK_SINGLE_ROW, "away"),
    (OFF_ROAD_REAR, UK_SINGLE_ROW, "away"),
    (CAR_REAR, UK_SINGLE_ROW_BAND, "away"),
    (OFF_ROAD_REAR, UK_TWO_ROW, "away"),
)
_TWO_ROW_EVERY: Final = 6
_NO_PLATE: Final = PlateArt(np.full((20, 90), 0.05, np.float32), "", (), 520.0, 111.0)


@dataclass(frozen=True, slots=True)
class Flow:
    """How much traffic, how fast, and what happens in it.

    `spacing_s` is drawn for each lane and grows where a vehicle would run into the one ahead. A `return`
    comes back after `gap_s`; a `parked` car stands for `gap_s`.
    """

    vehicles: int
    speed_km_h: tuple[float, float] = (20.0, 130.0)
    spacing_s: tuple[float, float] = (3.0, 5.0)
    situation: Situation = "flow"
    gap_s: float = 6.0


def make_flow(flow: Flow, condition: Condition, rng: np.random.Generator) -> list[Vehicle]:
    """The vehicles of one clip, in no order."""
    makers = {
        "flow": _free_flow,
        "queue": _queue,
        "overtaking": _overtaking,
        "parked": _parked,
        "return": _coming_back,
        "vans": _vans,
    }
    return makers[flow.situation](flow, condition, rng)


def _free_flow(flow: Flow, condition: Condition, rng: np.random.Generator) -> list[Vehicle]:
    lanes: tuple[Direction, ...] = ("toward", "away")
    coming = (flow.vehicles + 1) // 2
    counts = (coming, flow.vehicles - coming)
    return [v for lane, n in zip(lanes, counts, strict=True) for v in _lane(lane, n, flow, condition, rng)]


def _lane(
    direction: Direction, count: int, flow: Flow, condition: Condition, rng: np.random.Generator
) -> list[Vehicle]:
    """Vehicles one behind the other; each enters so late that it stays behind."""
    lane: list[Vehicle] = []
    enters_s = _FIRST_S + float(rng.uniform(0, flow.spacing_s[1]))
    for _ in range(count):
        vehicle = make_vehicle(
            _kind(direction, rng), 0.0, rng, speed_km_h=flow.speed_km_h, condition=condition
        )
        if lane:
            enters_s = max(
                enters_s + float(rng.uniform(*flow.spacing_s)),
                _earliest(enters_s, lane[-1].speed_m_s, vehicle.speed_m_s),
            )
        lane.append(_entering(_lettered(vehicle, rng), enters_s))
    return lane


def _earliest(ahead_enters_s: float, ahead_m_s: float, speed_m_s: float) -> float:
    """When a vehicle may come in behind another without coming closer than `_HEADWAY_M` in the picture."""
    reach = FAR_M - NEAR_M
    ahead_leaves_s = ahead_enters_s + reach / ahead_m_s
    return max(ahead_enters_s + _HEADWAY_M / ahead_m_s, ahead_leaves_s - (reach - _HEADWAY_M) / speed_m_s)


def _entering(vehicle: Vehicle, at_s: float) -> Vehicle:
    """The vehicle coming into the camera's reach at `at_s`."""
    before_m = FAR_M - MID_Y_M if vehicle.direction == "toward" else MID_Y_M - NEAR_M
    return replace(vehicle, mid_s=at_s + before_m / vehicle.speed_m_s)


def _kind(direction: Direction, rng: np.random.Generator) -> Kind:
    if direction == "toward":
        return _TOWARD[rng.integers(len(_TOWARD))]
    two_row = rng.integers(_TWO_ROW_EVERY) == 0
    return _AWAY[-1] if two_row else _AWAY[rng.integers(len(_AWAY) - 1)]


def _lettered(vehicle: Vehicle, rng: np.random.Generator) -> Vehicle:
    """A van from behind has its trade's lettering on its doors."""
    if vehicle.body is not VAN_REAR:
        return vehicle
    return replace(vehicle, look=replace(vehicle.look, lettering=van_lettering(rng), lettering_z_m=0.95))


def _queue(flow: Flow, condition: Condition, rng: np.random.Generator) -> list[Vehicle]:
    """Everybody in one lane, moving on a little at a time."""
    drawn = [make_vehicle(_kind("toward", rng), 0.0, rng, condition=condition) for _ in range(flow.vehicles)]
    ways = [queue(place, _LANE_X_M, 0.5) for place in range(flow.vehicles)]
    return [replace(one, course=way, speed_m_s=way.speed_m_s()) for one, way in zip(drawn, ways, strict=True)]


def _overtaking(flow: Flow, condition: Condition, rng: np.random.Generator) -> list[Vehicle]:
    """Pairs that pass each other in the picture: one overtakes, or one comes and one goes, in turn."""
    traffic, begin_s = [], _FIRST_S
    for number in range(flow.vehicles // 2):
        slow = make_vehicle(_kind("toward", rng), 0.0, rng, speed_km_h=(35.0, 50.0), condition=condition)
        traffic.append(_entering(slow, begin_s))
        leaves_s = begin_s + (FAR_M - NEAR_M) / slow.speed_m_s
        if number % 2:
            other = make_vehicle(_kind("away", rng), 0.0, rng, speed_km_h=(35.0, 50.0), condition=condition)
            traffic.append(_entering(_lettered(other, rng), begin_s))
        else:
            fast = make_vehicle(_kind("toward", rng), 0.0, rng, condition=condition)
            speed = 1.9 * slow.speed_m_s
            way = overtaking(_LANE_X_M, -_LANE_X_M, begin_s + 9.0 / slow.speed_m_s, speed)
            traffic.append(replace(fast, course=way, speed_m_s=speed))
        begin_s = leaves_s + 0.5
    return traffic


def _parked(flow: Flow, condition: Condition, rng: np.random.Generator) -> list[Vehicle]:
    """One car at the kerb for `gap_s`; the rest drive past in the other lane."""
    one = make_vehicle(_TOWARD[0], 0.0, rng, condition=condition)
    standing = replace(one, course=parked(-_LANE_X_M - 0.6, 12.5, flow.gap_s), speed_m_s=0.0)
    return [standing, *_lane("toward", flow.vehicles - 1, flow, condition, rng)]


def _coming_back(flow: Flow, condition: Condition, rng: np.random.Generator) -> list[Vehicle]:
    """Vehicles that come toward the camera, and again `gap_s` after they left."""
    traffic, begin_s = [], _FIRST_S
    for _ in range(flow.vehicles):
        one = make_vehicle(_kind("toward", rng), 0.0, rng, speed_km_h=flow.speed_km_h, condition=condition)
        passes_s = (FAR_M - NEAR_M) / one.speed_m_s
        traffic += [_entering(one, begin_s), _entering(one, begin_s + passes_s + flow.gap_s)]
        begin_s += 2 * passes_s + flow.gap_s + 1.0
    return traffic


def _vans(flow: Flow, condition: Condition, rng: np.random.Generator) -> list[Vehicle]:
    """Vans with lettering on their doors and no plate."""
    vans = [
        _lettered(make_vehicle(_AWAY[1], 0.0, rng, speed_km_h=flow.speed_km_h, condition=condition), rng)
        for _ in range(flow.vehicles)
    ]
    enters_s, ahead_m_s, traffic = 0.0, math.inf, []
    for van, gap_s in zip(vans, rng.uniform(*flow.spacing_s, flow.vehicles), strict=True):
        enters_s = max(enters_s + float(gap_s), _earliest(enters_s, ahead_m_s, van.speed_m_s))
        traffic.append(_entering(replace(van, plate=_NO_PLATE), enters_s))
        ahead_m_s = van.speed_m_s
    return traffic
