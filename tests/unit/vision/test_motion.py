"""The gate opens for what moves and stays shut for what does not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.view import View

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


def test_a_light_that_is_switched_opens_the_gate_once(road: Picture) -> None:
    gate = MotionGate()
    gate.moving(road)
    other = np.random.default_rng(8).integers(20, 200, road.shape[0] // 16 * road.shape[1] // 16)
    night = other.reshape(road.shape[0] // 16, -1).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    assert gate.moving(night)
    assert not any(gate.moving(noisy(night, seed)) for seed in range(5))


def test_a_light_that_is_switched_opens_the_gate_once_however_small_the_view(road: Picture) -> None:
    gate = MotionGate(View(regions=(((0.0, 0.4), (0.3, 0.4), (0.3, 0.6), (0.0, 0.6)),)))
    gate.moving(road)
    night = np.asarray(255 - road, np.uint8)
    night[::32] = 0
    assert gate.moving(night)
    assert not any(gate.moving(noisy(night, seed)) for seed in range(5))


def test_leaves_that_flicker_are_learnt_and_a_car_before_them_still_moves(road: Picture) -> None:
    gate, rng = MotionGate(), np.random.default_rng(3)

    def windy() -> Picture:
        leaves = road.copy()
        leaves[:160, :480] += rng.integers(0, 30, (20, 60), np.uint8).repeat(8, 0).repeat(8, 1)
        return leaves

    for _ in range(300):
        gate.moving(windy())
    assert sum(gate.moving(windy()) for _ in range(50)) == 0
    assert gate.moving(with_car(windy(), 200))


def test_scattered_specks_are_no_vehicle(road: Picture) -> None:
    gate, rng = MotionGate(), np.random.default_rng(4)
    gate.moving(road)
    rainy = road.copy()
    for y, x in zip(rng.permutation(44)[:25], rng.permutation(79)[:25], strict=True):
        rainy[16 * y : 16 * y + 8, 16 * x : 16 * x + 8] = 255
    assert not gate.moving(rainy)


def test_what_moves_outside_the_view_does_not_count(road: Picture) -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    gate = MotionGate(View(regions=(left,)))
    gate.moving(road)
    assert not gate.moving(with_car(road, 900))
    assert gate.moving(with_car(road, 300))
