"""Drawn plates keep to the statute's millimetres and the made-up marks to its grammar."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.capture.render.plates import (
    EU_SINGLE_ROW,
    UK_MOTORCYCLE,
    UK_SINGLE_ROW,
    UK_SINGLE_ROW_BAND,
    UK_TWO_ROW,
    PlateStyle,
    draw_plate,
    plate_size_mm,
    random_mark,
)

WELL_FORMED = re.compile(
    r"(?:[A-HJ-PR-Y]{2}(?:0[2-9]|1\d|2[0-6]|5[1-9]|6\d|7[0-6]) [A-HJ-PR-Z]{3}"
    r"|[A-HJ-NPR-TV-Y][1-9]\d{0,2} [A-HJ-PR-Y]{3})"
)


def ink_runs_mm(art_line: NDArray[np.bool_], px_per_mm: float) -> list[tuple[float, float]]:
    """(start, length) in mm of every run of ink along one line of pixels."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], art_line.astype(int), [0]])))
    return [
        (start / px_per_mm, (end - start) / px_per_mm)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def test_single_row_has_the_statutory_spacing() -> None:
    art = draw_plate(["HH11 HHH"], UK_SINGLE_ROW, 4)
    ink = art.reflectance < 0.5
    columns = ink_runs_mm(ink[80:-80].any(axis=0), 4)

    widths = [length for _, length in columns]
    gaps = [b[0] - a[0] - a[1] for a, b in pairwise(columns)]
    assert widths[0] == pytest.approx(50, abs=0.5)
    assert gaps == pytest.approx([11, 11, 11, 33, 11, 11], abs=0.6)
    assert art.reflectance.shape == (444, 2080)


@pytest.mark.parametrize(("style", "char_height", "row_gap"), [(UK_TWO_ROW, 79, 19), (UK_MOTORCYCLE, 64, 13)])
def test_two_rows_stand_apart_by_the_statutory_gap(
    style: PlateStyle, char_height: float, row_gap: float
) -> None:
    art = draw_plate(["LE52", "LED"], style, 4)
    rows = ink_runs_mm((art.reflectance < 0.5)[30:-30, 60:-60].any(axis=1), 4)

    assert [length for _, length in rows] == pytest.approx([char_height] * 2, abs=0.5)
    assert rows[1][0] - rows[0][0] - rows[0][1] == pytest.approx(row_gap, abs=0.5)
    assert art.text == "LE52LED"
    assert art.rows == ("LE52", "LED")


def test_a_motorcycle_plate_has_the_margins_the_statute_asks_for() -> None:
    ink = draw_plate(["MM44", "MMM"], UK_MOTORCYCLE, 4).reflectance < 0.5
    columns = np.flatnonzero(ink[30:-30].any(axis=0))

    assert columns[0] / 4 == pytest.approx(11, abs=1)


def test_a_long_text_makes_the_plate_wider() -> None:
    assert plate_size_mm(["AB12 CDE"], UK_SINGLE_ROW) == (520, 111)
    assert plate_size_mm(["ABCD 1234 EF"], UK_SINGLE_ROW)[0] > 520


def test_the_face_shines_and_the_ink_does_not() -> None:
    reflectance = draw_plate(["AB12 CDE"], UK_SINGLE_ROW, 3).reflectance

    assert reflectance.dtype == np.float32
    assert float(reflectance.max()) == pytest.approx(UK_SINGLE_ROW.face)
    assert float(np.median(reflectance)) == pytest.approx(UK_SINGLE_ROW.face)
    assert float(reflectance[160:170].min()) == pytest.approx(UK_SINGLE_ROW.ink, abs=0.01)


@pytest.mark.parametrize("style", [UK_SINGLE_ROW_BAND, EU_SINGLE_ROW])
def test_a_band_takes_its_place_on_the_left(style: PlateStyle) -> None:
    reflectance = draw_plate(["AB12 CDE"], style, 2).reflectance

    assert float(np.median(reflectance[20:-20, 12:70])) == pytest.approx(style.band)
    assert float(reflectance[20:150, 90:96].min()) == pytest.approx(style.face)


def test_border_and_screws_are_drawn_when_asked_for() -> None:
    plain = draw_plate(["AB12 CDE"], UK_SINGLE_ROW, 2).reflectance
    dressed = draw_plate(["AB12 CDE"], replace(UK_SINGLE_ROW, border_mm=3, screws=True), 2).reflectance

    assert float(dressed[2, 500]) < 0.1 < float(plain[2, 500])
    assert float(dressed[111, 52]) < 0.5 < float(plain[111, 52])


def test_a_tiny_plate_can_still_be_drawn() -> None:
    assert draw_plate(["AB12 CDE"], UK_SINGLE_ROW, 0.05).reflectance.shape == (6, 26)


def test_a_character_without_a_drawing_is_refused() -> None:
    with pytest.raises(KeyError):
        draw_plate(["AB12 ÖDE"], UK_SINGLE_ROW, 2)


def test_made_up_marks_are_well_formed() -> None:
    rng = np.random.default_rng(7)
    marks = [random_mark(rng) for _ in range(300)]

    assert [mark for mark in marks if not WELL_FORMED.fullmatch(mark)] == []
    assert len(set(marks)) > 290


def test_made_up_marks_follow_the_seed() -> None:
    assert random_mark(np.random.default_rng(5)) == random_mark(np.random.default_rng(5))


def test_the_text_stays_out_of_the_repr() -> None:
    assert "CDE" not in repr(draw_plate(["AB12 CDE"], UK_SINGLE_ROW, 1))
