"""Raw clips, work per frame and growth of memory: what the speed and memory measurements rest on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anpr_edge.capture.render.flow import Flow
from anpr_edge.capture.render.stage import Stage
from scripts.benchmarks.fusion_gain import spread
from scripts.benchmarks.memory import growth
from scripts.benchmarks.pipeline import work_per_frame
from scripts.benchmarks.pipeline_clips import render
from scripts.benchmarks.traffic_clips import Clip

CLIP = Clip("test", 7, Stage(Flow(1, speed_km_h=(100.0, 110.0))))


def test_a_raw_clip_gives_the_rendered_frames_at_a_cameras_times(tmp_path: Path) -> None:
    raw = render(CLIP, tmp_path / "clip.raw", (320, 180), 6)
    road = CLIP.road(320, 180)
    first = road.truth[0].first_frame
    frames = list(raw.read())
    assert len(frames) == raw.frames == 6
    for number, frame in enumerate(frames):
        assert np.array_equal(frame.pixels, road.render(first + number))
        assert frame.taken.mono_ns == round(number * 1e9 / 30)
    assert [frame.seq for frame in raw.read(every=4)] == [0, 4]


def test_work_is_runs_times_costs() -> None:
    runs = {
        "detector": {"runs_per_frame": 0.5, "mean": 2.0},
        "recogniser": {"runs_per_frame": 2.0, "mean": 3.0},
    }
    costs = {
        "detector": {"multiply_adds": 100, "bytes": 10},
        "recogniser": {"multiply_adds": 30, "bytes": 7},
    }
    work = work_per_frame(runs, costs)
    assert work["multiply_adds_per_frame"] == 110
    assert work["bytes_per_frame"] == 19
    assert work["multiply_adds_per_s_in_models"] == 110 / 0.005


def test_no_run_of_a_model_is_no_rate() -> None:
    assert work_per_frame({}, {})["multiply_adds_per_s_in_models"] is None


def test_growth_is_from_settled_to_the_end() -> None:
    flat = [(n, 100.0) for n in range(200)]
    rising = [(n, 50.0 if n < 10 else 100.0 + 0.05 * n) for n in range(200)]
    assert growth(flat)["growth_mb"] == 0
    assert growth(rising)["growth_mb"] == pytest.approx(0.05 * 171, abs=0.3)
    assert growth([(0, 500.0), *flat[1:]])["highest_mb"] == 100.0


@pytest.mark.parametrize(("count", "places"), [(1, [4]), (3, [1, 4, 7]), (9, list(range(9)))])
def test_looks_are_spread_over_the_whole_passage(count: int, places: list[int]) -> None:
    looks = list(range(9))
    assert spread(looks, count) == places  # type: ignore[arg-type,comparison-overlap]
