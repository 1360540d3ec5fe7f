"""Who drives past: vehicles with made-up plates at believable speeds and spacings."""

from __future__ import annotations

import numpy as np

from anpr_edge.capture.render.conditions import IR_NIGHT, Condition
from anpr_edge.capture.render.face import FaceLook
from anpr_edge.capture.render.plates import (
    UK_SINGLE_ROW,
    UK_SINGLE_ROW_BAND,
    UK_TWO_ROW,
    PlateStyle,
    draw_plate,
    random_mark,
)
from anpr_edge.capture.render.scene import LANE_WIDTH_M
from anpr_edge.capture.render.vehicles import CAR_FRONT, CAR_REAR, OFF_ROAD_REAR, VAN_FRONT, Body, Vehicle
from anpr_edge.records import Direction

_PLATE_PX_PER_MM = 0.84
MID_Y_M = 16.0
_FIRST_MID_S = 1.6
_SPACING_S = (2.3, 3.0)
_SPEED_KM_H = (40.0, 110.0)

Kind = tuple[Body, PlateStyle, Direction]

# A repeating mix: four come, two go, one of those two with its mark in two rows.
_MIX: tuple[Kind, ...] = (
    (CAR_FRONT, UK_SINGLE_ROW, "toward"),
    (CAR_REAR, UK_SINGLE_ROW, "away"),
    (VAN_FRONT, UK_SINGLE_ROW_BAND, "toward"),
    (CAR_FRONT, UK_SINGLE_ROW, "toward"),
    (OFF_ROAD_REAR, UK_TWO_ROW, "away"),
    (CAR_FRONT, UK_SINGLE_ROW_BAND, "toward"),
)


def make_traffic(count: int, rng: np.random.Generator) -> list[Vehicle]:
    """`count` vehicles in the order they come by, the first within two seconds."""
    mid_s = _FIRST_MID_S
    traffic = []
    for i in range(count):
        traffic.append(make_vehicle(_MIX[i % len(_MIX)], mid_s, rng))
        mid_s += rng.uniform(*_SPACING_S)
    return traffic


def make_vehicle(
    kind: Kind,
    mid_s: float,
    rng: np.random.Generator,
    *,
    speed_km_h: tuple[float, float] = _SPEED_KM_H,
    condition: Condition = IR_NIGHT,
) -> Vehicle:
    """One vehicle with a made-up plate that is in the middle of the read zone, 16 m away, at `mid_s`."""
    body, style, direction = kind
    mark = random_mark(rng)
    rows = mark.split() if style is UK_TWO_ROW else [mark]
    plate = draw_plate(rows, style, _PLATE_PX_PER_MM)
    toward = direction == "toward"
    paint = float(rng.uniform(28, 85))
    look = FaceLook(
        kind="front" if toward else "rear",
        width_m=2 * body.half_width_m,
        height_m=body.face_height_m,
        paint=paint,
        lamp=float(rng.uniform(160, 420) if toward else rng.uniform(60, 150)) * condition.headlamps,
        plate_z_m=body.plate_z_m - body.face_bottom_m,
        plate_shine=float(rng.uniform(0.75, 1.05)) * condition.plate_shine,
    )
    lane = 0.5 * LANE_WIDTH_M * (1 if toward else -1)
    return Vehicle(
        body=body,
        look=look,
        plate=plate,
        paint=paint,
        x_m=lane + float(rng.uniform(-0.3, 0.15)),
        speed_m_s=float(rng.uniform(*speed_km_h)) / 3.6,
        direction=direction,
        mid_s=mid_s,
        mid_y_m=MID_Y_M,
        plate_style=style.name,
        wet=condition.wet,
    )
