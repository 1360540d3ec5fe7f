"""Figures count what they say: found, missed, false, far off, read."""

from __future__ import annotations

import numpy as np
import pytest

from anpr_edge.records import Box, Detection, Quad
from models.recipe.data import LabelledPlate
from models.recipe.detector.measures import Look, choose_threshold, report
from models.recipe.detector.scoring import corner_error

PLATE = Box(100, 100, 200, 125)


def plate(box: Box = PLATE, text: str | None = "AB12CDE") -> LabelledPlate:
    return LabelledPlate(box, Quad.of_box(box), text, False)


def detection(score: float, box: Box = PLATE) -> Detection:
    return Detection(box, Quad.of_box(box), score)


def look(*found: Detection, plates: tuple[LabelledPlate, ...] = (plate(),), reads: str = "") -> Look:
    texts = tuple(reads.split()) if reads else None
    return Look("a.jpg", "openalpr_us", False, plates, found, texts)


ELSEWHERE = Box(300, 300, 400, 325)


def test_found_missed_and_false() -> None:
    figures = report([look(detection(0.9), detection(0.8, ELSEWHERE)), look(detection(0.2))], 0.5)["all"]
    assert figures["plates"] == 2
    assert figures["recall"] == 0.5
    assert figures["false_per_picture"] == 0.5


def test_a_box_that_covers_too_little_is_a_miss_and_false() -> None:
    figures = report([look(detection(0.9, Box(160, 100, 260, 125)))], 0.5)["all"]
    assert figures["recall"] == 0
    assert figures["false_per_picture"] == 1


def test_plates_are_sliced_by_their_own_width() -> None:
    small = plate(Box(10, 10, 60, 22))
    figures = report([look(detection(0.9), plates=(plate(), small))], 0.5)
    assert figures["all <60 px"]["plates"] == 1
    assert figures["all <60 px"]["recall"] == 0
    assert figures["all >=90 px"]["recall"] == 1


def test_a_read_counts_when_it_says_the_same_after_folding() -> None:
    figures = report([look(detection(0.9), plates=(plate(text="OI23ABC"),), reads="0123ABC")], 0.5)["all"]
    assert figures["texts"] == 1
    assert figures["exact"] == 1


def test_reads_below_the_threshold_do_not_count() -> None:
    figures = report([look(detection(0.4), reads="AB12CDE")], 0.5)["all"]
    assert figures["exact"] == 0


def test_without_a_recogniser_there_is_no_figure_for_reads() -> None:
    assert "exact" not in report([look(detection(0.9))], 0.5)["all"]


def test_corners_are_measured_in_plate_heights() -> None:
    moved = Quad.of_box(Box(100, 105, 200, 130))
    assert corner_error(np.array(moved.points), np.array(Quad.of_box(PLATE).points)) == pytest.approx(0.2)


def test_the_threshold_is_the_lowest_that_keeps_false_boxes_rare() -> None:
    looks = [look(detection(0.7), detection(0.4, ELSEWHERE)) for _ in range(9)]
    assert 0.4 < choose_threshold(looks) <= 0.44
