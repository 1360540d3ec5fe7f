"""Label files: what they give, and that their faults are named with the line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import UsageError
from anpr_edge.records import Box
from scripts.benchmarks.labels import chosen, load_labels

PLATE = {"box": [1, 2, 31.5, 12], "text": "AB12CDE"}


def write(folder: Path, *rows: dict[str, Any] | str) -> Path:
    """A label file, with a stand-in for each picture it names but those called `missing`."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("image"), str) and row["image"] != "missing.png":
            (folder / row["image"]).touch()
    file = folder / "labels.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_scene_says_what_its_line_says(tmp_path: Path) -> None:
    full = {
        "image": "a.png",
        "source": "road",
        "country": "gb",
        "ir": True,
        "night": False,
        "plates": [{**PLATE, "lines": 2, "text_pseudo": True}, {"box": [0, 0, 9, 9], "text": None}],
    }
    first, second, third = load_labels(
        write(tmp_path, full, "", {"image": "b.png", "plates": []}, {"image": "c.png", "kind": "street"})
    )
    assert (first.line, second.line, third.line) == (1, 3, 4)
    assert (first.source, first.country, first.infrared, first.night) == ("road", "gb", True, False)
    assert first.plates[0].box == Box(1, 2, 31.5, 12)
    assert [(p.text, p.rows, p.pseudo) for p in first.plates] == [("AB12CDE", 2, True), (None, None, False)]
    assert (second.plates, second.night, second.infrared) == ((), None, False)
    assert third.plates == ()
    assert "AB12CDE" not in repr(first)


def test_a_crop_is_one_plate_without_a_box(tmp_path: Path) -> None:
    (picture,) = load_labels(write(tmp_path, {"image": "a.png", "text": "AB12CDE"}), crops=True)
    assert [(plate.box, plate.text) for plate in picture.plates] == [(None, "AB12CDE")]


def test_pictures_may_lie_elsewhere(tmp_path: Path) -> None:
    file = write(tmp_path, {"image": "missing.png", "plates": []})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "missing.png").touch()
    (picture,) = load_labels(file, tmp_path / "elsewhere")
    assert picture.path == tmp_path / "elsewhere" / "missing.png"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ({"plates": []}, "`image` is missing"),
        ({"image": 3}, "`image` is not a JSON string"),
        ({"image": "missing.png", "plates": []}, "no picture .*missing.png"),
        ({"image": "b.png"}, "`plates` is missing"),
        ({"image": "b.png", "text": "AB12CDE"}, "`plates` is missing"),
        ({"image": "b.png", "plates": [3]}, "`box` is not"),
        ({"image": "b.png", "plates": [{"box": [1, 2, 3], "text": None}]}, "`box` is not"),
        ({"image": "b.png", "plates": [{"box": [9, 2, 3, 9], "text": None}]}, "`box` is not"),
        ({"image": "b.png", "plates": [{**PLATE, "text": "AB12 CDE"}]}, "capital letters and digits"),
        ({"image": "b.png", "plates": [{**PLATE, "lines": "2"}]}, "`lines` is not a JSON whole number"),
        ({"image": "b.png", "ir": "yes", "plates": []}, "`ir` is not a JSON true or false"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, row: dict[str, Any] | str, words: str) -> None:
    file = write(tmp_path, {"image": "a.png", "plates": [PLATE]}, row)
    with pytest.raises(UsageError, match=rf"labels\.jsonl:2: .*{words}") as caught:
        load_labels(file)
    assert "CDE" not in str(caught.value)


def test_scenes_are_not_crops(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"labels\.jsonl:1: `text` is missing"):
        load_labels(write(tmp_path, {"image": "a.png", "plates": []}), crops=True)


def test_a_file_that_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_labels(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="no labels"):
        load_labels(write(tmp_path))


def test_pictures_are_chosen_by_name_and_source_and_thinned_evenly(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"image": f"{at}.png", "source": "even" if at % 2 == 0 else "odd", "plates": []} for at in range(9)
    ]
    pictures = load_labels(write(tmp_path, *rows))
    assert [p.image for p in chosen(pictures, limit=3)] == ["0.png", "3.png", "6.png"]
    assert len(chosen(pictures, limit=100)) == len(chosen(pictures)) == 9
    named = chosen(pictures, names=frozenset({"1.png", "2.png"}), sources=frozenset({"even"}))
    assert [p.image for p in named] == ["2.png"]
    with pytest.raises(UsageError, match="no labelled picture"):
        chosen(pictures, sources=frozenset({"none"}))
