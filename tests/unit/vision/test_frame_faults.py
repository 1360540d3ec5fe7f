"""Every fault of a frame has a name, a count, and a time since when it has stood."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.records import Frame, Instant
from anpr_edge.vision.frame_faults import FrameFaults

RATE = 30.0
STEP_NS = round(1e9 / RATE)


def noisy(number: int, grey: float = 90.0) -> NDArray[np.uint8]:
    rng = np.random.default_rng(number)
    return np.clip(rng.normal(grey, 4, (240, 320)), 0, 255).astype(np.uint8)


def frame(number: int, pixels: NDArray[np.uint8], mono_ns: int | None = None) -> Frame:
    return Frame(number, Instant(0, STEP_NS * number if mono_ns is None else mono_ns), pixels)


def watched(frames: Iterable[Frame]) -> FrameFaults:
    faults = FrameFaults(RATE)
    for one in frames:
        faults.look(one)
    return faults


def test_good_frames_have_no_fault() -> None:
    assert watched(frame(number, noisy(number)) for number in range(300)).state() == {}


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("black", np.zeros((240, 320), np.uint8)),
        ("white", np.full((240, 320), 255, np.uint8)),
        ("unusable", np.zeros((240, 320, 3), np.uint8)),
        ("unusable", np.zeros((240, 320), np.float32)),
        ("unusable", np.zeros((4, 4), np.uint8)),
    ],
)
def test_a_bad_picture_is_named_counted_and_timed(name: str, pixels: NDArray[np.uint8]) -> None:
    good = [frame(number, noisy(number)) for number in range(10)]
    bad = [frame(10 + number, pixels) for number in range(31)]
    (seen,) = [what for fault, what in watched([*good, *bad]).state().items() if fault == name]
    assert seen.count == 31
    assert seen.for_s == pytest.approx(1.0, abs=0.01)


def test_a_fault_begins_once_and_ends() -> None:
    faults = FrameFaults(RATE)
    black = np.zeros((240, 320), np.uint8)
    begun = [faults.look(frame(number, black if 5 <= number < 9 else noisy(number))) for number in range(12)]
    assert [number for number, what in enumerate(begun) if what == ("black",)] == [5]
    assert faults.state()["black"].for_s is None


def test_a_dim_picture_is_not_black() -> None:
    assert watched(frame(number, noisy(number, grey=14.0)) for number in range(60)).state() == {}


def test_the_same_picture_for_seconds_is_frozen() -> None:
    same = noisy(0)
    state = watched(frame(number, same) for number in range(121)).state()
    assert list(state) == ["frozen"]
    assert state["frozen"].count == pytest.approx(60, abs=1)


def test_time_that_runs_backwards_is_named_and_starts_the_watch_afresh() -> None:
    times = [*range(100), *range(50, 150)]
    state = watched(frame(n, noisy(n), time * STEP_NS) for n, time in enumerate(times)).state()
    assert {fault: seen.count for fault, seen in state.items()} == {"backwards": 1}


@pytest.mark.parametrize(("rate", "slow"), [(30.0, False), (20.0, False), (12.0, True), (3.0, True)])
def test_less_than_half_of_the_frames_asked_for_is_slow(rate: float, slow: bool) -> None:
    frames = (frame(n, noisy(n), round(n * 1e9 / rate)) for n in range(round(30 * rate)))
    assert ("slow" in watched(frames).state()) == slow


def test_one_long_gap_among_good_frames_passes() -> None:
    times = [n * STEP_NS + (400_000_000 if n >= 100 else 0) for n in range(400)]
    state = watched(frame(n, noisy(n), at) for n, at in enumerate(times)).state()
    assert state.get("slow") is None or state["slow"].for_s is None
