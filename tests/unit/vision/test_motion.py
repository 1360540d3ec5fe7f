"""The gate opens for what moves and stays shut for what does not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.vision.motion import MotionGate

Picture = NDArray[np.uint8]


@pytest.fixture
def road() -> Picture:
    rng = np.random.default_rng(5)
    return np.asarray(60 + 40 * rng.random((45, 80)), np.uint8).repeat(16, 0).repeat(16, 1)


def noisy(picture: Picture, seed: int, grey: float = 3.0) -> Picture:
    rng = np.random.default_rng(seed)
    return np.clip(picture + rng.normal(0, grey, picture.shape), 0, 255).astype(np.uint8)


def with_car(picture: Picture, x: int) -> Picture:
    changed = picture.copy()
    changed[300:360, x : x + 120] = 200
    return changed


def test_the_first_picture_counts_as_motion(road: Picture) -> None:
    assert MotionGate().moving(road)


def test_a_noisy_empty_road_does_not_move(road: Picture) -> None:
    gate = MotionGate()
    gate.moving(road)
    assert not any(gate.moving(noisy(road, seed)) for seed in range(20))


def test_a_car_moves(road: Picture) -> None:
    gate = MotionGate()
    for seed in range(5):
        gate.moving(noisy(road, seed))
    assert all(gate.moving(noisy(with_car(road, 100 + 40 * step), 50 + step)) for step in range(10))


def test_light_that_changes_everywhere_alike_is_not_motion(road: Picture) -> None:
    gate = MotionGate()
    gate.moving(road)
    assert not gate.moving(np.asarray(road + 30, np.uint8))


def test_a_parked_car_becomes_part_of_the_road(road: Picture) -> None:
    gate = MotionGate()
    gate.moving(road)
    opened = [gate.moving(with_car(road, 400)) for _ in range(90)]
    assert opened[0]
    assert not opened[-1]


def test_another_picture_size_starts_afresh(road: Picture) -> None:
    gate = MotionGate()
    gate.moving(road)
    assert gate.moving(road[:360, :640])
    assert not gate.moving(road[:360, :640])
