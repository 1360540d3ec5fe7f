"""What is burnt out at a fixed exposure is read by the shipped models once exposure follows the plates."""

from __future__ import annotations

import pytest

from anpr_edge.devices.exposure import ExposureController
from anpr_edge.devices.exposure_profile import day_and_night, longest_shutter_us
from anpr_edge.records import Exposure
from tests import shipped_models
from tests.exposed_road import MARK, NIGHT, NOON, OVERCAST, Drive, ExposedRoad

PLATE = MARK.replace(" ", "")


def share_read(road: ExposedRoad, frames: int = 60) -> float:
    """How many looks at plates give their text."""
    texts: list[str] = []
    while len(texts) < frames:
        seq, frame = road.at, road.read()
        quad = road.plate_at(seq)
        if frame is None or quad is None:
            continue
        found = shipped_models.detector().detect(frame.pixels)
        near = next((one.quad for one in found if one.box.iou(quad.box) > 0.3), None)
        candidate = shipped_models.recogniser().recognise(frame.pixels, near) if near else None
        texts.append(candidate.text if candidate else "")
    return texts.count(PLATE) / frames


def follow(road: ExposedRoad, seconds: float) -> None:
    """Let the exposure follow what the shipped detector sees."""
    day, night = day_and_night(shutter_max_us=longest_shutter_us(113, 30), max_gain=8, night_lamp_level=1.0)
    controller = ExposureController(day, night, target_grey=150, start_light=2000)
    Drive(road, controller, shipped_models.detector()).run(seconds)


@pytest.mark.parametrize("sun", [NOON, OVERCAST, NIGHT])
def test_plates_become_readable(sun: float) -> None:
    road = ExposedRoad(sun, width=1280, headway_s=2.0)
    assert share_read(road, 12) < 0.2
    follow(road, 30)
    assert share_read(road) > 0.9


@pytest.mark.parametrize("light", [0.25, 0.5, 1.0, 1.5])
def test_plates_a_stop_or_two_off_the_target_are_read_as_well(light: float) -> None:
    road = ExposedRoad(NOON, width=1280, headway_s=2.0)
    road.expose(Exposure(60.0 * light, 1.0, 0.0))
    road.set_level(0.0)
    for _ in range(4):
        road.read()
    assert share_read(road, 30) > 0.9
