"""What counts as found, false, read and right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anpr_edge.records import Box
from scripts.benchmarks.contenders import FoundPlate, Look
from scripts.benchmarks.judging import JudgedPicture, figures, judge, slices
from scripts.benchmarks.labels import LabelledPicture, LabelledPlate

HERE, THERE = Box(100, 100, 180, 120), Box(500, 300, 600, 325)


def plate(
    box: Box | None, text: str | None, *, pseudo: bool = False, rows: int | None = None
) -> LabelledPlate:
    return LabelledPlate(box, text, pseudo, rows)


def picture(*plates: LabelledPlate, **said: Any) -> LabelledPicture:
    says = {"source": "road", "country": None, "infrared": False, "night": None, **said}
    return LabelledPicture(1, "a.png", Path("a.png"), plates=plates, **says)


def found(box: Box, text: str, confidence: float = 0.9) -> FoundPlate:
    return FoundPlate(box, text, confidence)


def look(*plates: FoundPlate) -> Look:
    return Look(1280, plates, ms=4.0, processor_ms=3.0)


def all_figures(*pictures: JudgedPicture, crops: bool = False) -> dict[str, Any]:
    return figures(next(slices(pictures)), crops=crops)


def value(measured: dict[str, Any], key: str) -> float:
    return float(measured[key]["value"])


def test_a_box_that_covers_half_counts_and_one_that_does_not_is_false() -> None:
    nearly, beside = Box(104, 100, 184, 122), Box(150, 100, 230, 120)
    assert judge(picture(plate(HERE, "AB12CDE")), look(found(nearly, "AB12CDE"))).false_plates == 0
    missed = judge(picture(plate(HERE, "AB12CDE")), look(found(beside, "AB12CDE")))
    assert (missed.false_plates, missed.false_reads, missed.plates[0].detected) == (1, 1, False)
    assert missed.plates[0].in_picture, "the text is right wherever the box lies"


def test_a_plate_nobody_could_read_is_found_but_never_judged_by_its_text() -> None:
    measured = all_figures(judge(picture(plate(HERE, None)), look(found(HERE, "XY34ZZZ"))))
    assert value(measured, "detector_recall") == 1
    assert value(measured, "false_plates_per_picture") == 0
    assert (measured["plates"], measured["plates_with_text"]) == (1, 0)
    assert measured["read_accuracy"] is measured["capture_rate"] is measured["read_right"] is None


def test_pseudo_texts_count_when_asked_for() -> None:
    label, seen = picture(plate(HERE, "AB12CDE", pseudo=True)), look(found(HERE, "AB12CDE"))
    assert all_figures(judge(label, seen))["read_accuracy"] is None
    assert value(all_figures(judge(label, seen, pseudo=True)), "read_accuracy") == 1


def test_an_unreadable_plate_is_no_read_and_no_false_read() -> None:
    measured = all_figures(
        judge(picture(plate(HERE, "AB12CDE")), look(found(HERE, "", 0.0), found(THERE, "", 0.0)))
    )
    assert value(measured, "detector_recall") == 1
    assert value(measured, "capture_rate") == 0
    assert value(measured, "false_plates_per_picture") == 1
    assert value(measured, "false_reads_per_picture") == 0
    assert measured["read_accuracy"] is None


def test_lookalikes_are_one_but_to_the_letter_they_are_not() -> None:
    measured = all_figures(judge(picture(plate(HERE, "RKO0IQ")), look(found(HERE, "RK0O10"))))
    assert value(measured, "read_accuracy") == 1
    assert value(measured, "read_accuracy_strict") == 0
    assert value(measured, "character_error_rate") == 0


@pytest.mark.parametrize(
    ("read", "truth", "rate"),
    [
        ("AB12CDE", "AB12CDE", 0.0),
        ("AB12CD", "AB12CDE", 0.1429),
        ("HAB12CDE", "AB12CDE", 0.1429),
        ("8B12CDE", "AB12CDE", 0.1429),
        ("KITTEN", "SITTLNG", 0.4286),
        ("XXXXXXXX", "AB12", 2.0),
    ],
)
def test_character_errors_of_known_pairs(read: str, truth: str, rate: float) -> None:
    measured = all_figures(judge(picture(plate(HERE, truth)), look(found(HERE, read))))
    assert value(measured, "character_error_rate") == rate


def test_of_two_finds_the_better_placed_one_is_the_plates() -> None:
    near = Box(110, 100, 190, 120)
    judged = judge(picture(plate(HERE, "AB12CDE")), look(found(near, "WRONG1"), found(HERE, "AB12CDE")))
    assert judged.plates[0].text == "AB12CDE"
    assert judged.false_plates == 0


def test_slices_follow_the_labels() -> None:
    small, wide, two = Box(0, 0, 59, 20), Box(0, 0, 90, 20), Box(0, 0, 60, 50)
    night = picture(plate(small, None), plate(two, None, rows=2), infrared=True, night=True, country="ro")
    judged = [
        judge(night, look()),
        judge(picture(plate(wide, None), night=False), look()),
        judge(picture(), look()),
    ]
    counts = {part.name: (len(part.pictures), len(part.plates)) for part in slices(judged)}
    assert counts == {
        "all": (3, 3),
        "source road": (3, 3),
        "country ro": (1, 2),
        "infrared": (1, 2),
        "night": (1, 2),
        "day": (1, 1),
        "no plate": (1, 0),
        "<60 px": (0, 1),
        "60-90 px": (0, 1),
        ">=90 px": (0, 1),
        "two-row": (0, 1),
        "infrared <60 px": (0, 1),
        "infrared 60-90 px": (0, 1),
        "infrared two-row": (0, 1),
    }
    wide_only = next(figures(part, crops=False) for part in slices(judged) if part.name == ">=90 px")
    assert wide_only["false_plates_per_picture"] is wide_only["ms"] is wide_only["pictures"] is None


def test_a_crop_is_its_one_plate_and_has_no_detector_figures() -> None:
    whole = Box(0, 0, 144, 40)
    measured = all_figures(
        judge(picture(plate(None, "AB12CDE")), look(found(whole, "AB12CDE", 0.8))),
        judge(picture(plate(None, "AB12CDE")), look(found(whole, "", 0.0))),
        crops=True,
    )
    assert measured["detector_recall"] is measured["false_plates_per_picture"] is None
    assert value(measured, "capture_rate") == 0.5
    assert value(measured, "read_right") == 0.5
    assert value(measured, "read_accuracy") == 1
    assert value(measured, "calibration_error") == pytest.approx(0.2)
    assert measured["ms"] == {"p50": 4.0, "p95": 4.0}


def test_what_is_judged_shows_no_plate() -> None:
    judged = judge(picture(plate(HERE, "AB12CDE")), look(found(HERE, "AB12CDF")))
    assert "12CD" not in repr(judged)
