"""A rendered road through the shipped models: one read for each vehicle, and the right one."""

from __future__ import annotations

import numpy as np
import pytest

from anpr_edge.capture.synthetic import Passage, SyntheticRoad
from anpr_edge.plates.syntax import fold
from anpr_edge.records import Frame, Instant
from tests.replay.clip import frames, read_clip, reader, road

SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_vehicle_is_read_once_and_right(seed: int) -> None:
    plates, reads, truth = read_clip(road(seed))
    assert sorted(fold(read.plate_text) for read in reads) == sorted(fold(p.plate_text) for p in truth)
    assert plates.counts.reads == len(truth)
    assert plates.counts.unreadable == 0


def test_a_read_says_when_how_long_and_which_way() -> None:
    source = road(1)
    _, reads, truth = read_clip(source)
    passages = {fold(passage.plate_text): passage for passage in truth}
    for read in reads:
        passage = passages[fold(read.plate_text)]
        first, last = read.first.mono_ns * 30 / 1e9, read.last.mono_ns * 30 / 1e9
        assert passage.first_frame - 2 <= first < last <= passage.last_frame + 2
        assert read.frames_used >= 3
        assert len(read.char_confidences) == len(read.plate_text)
        assert read.direction == direction(source, passage)


def direction(source: SyntheticRoad, passage: Passage) -> str:
    """Which way the truth says a vehicle went."""
    before, after = (
        next(quad.box.width for quad, text in source.truth_at(seq) if text == passage.plate_text)
        for seq in (passage.first_frame, passage.last_frame)
    )
    return "toward" if after > before else "away"


def test_the_gate_leaves_an_empty_road_alone() -> None:
    plates, _, _ = read_clip(road(1))
    assert plates.counts.gated > plates.counts.frames / 4


@pytest.mark.parametrize("grey", [0, 255])
def test_black_and_white_frames_give_no_reads(grey: int) -> None:
    plates = reader()
    for number in range(40):
        pixels = np.full((720, 1280), grey, np.uint8)
        assert plates.step(Frame(number, Instant(0, number * 33_000_000), pixels)) == []
    assert plates.finish() == []


def test_a_frozen_picture_is_one_read_at_most() -> None:
    plates = reader()
    stuck = next(frame for frame in frames(road(1)) if frame.seq == 50)
    reads = []
    for number in range(120):
        reads += plates.step(Frame(number, Instant(0, number * 33_000_000), stuck.pixels))
    assert len([*reads, *plates.finish()]) <= 1
