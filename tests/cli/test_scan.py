"""`anpr-edge scan` on real files with the shipped models, as an engineer runs it."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from inspect import signature
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from anpr_edge.cli import scan
from anpr_edge.cli.program import run_program
from anpr_edge.cli.scan_reading import PictureReader
from anpr_edge.plates.syntax import fold
from tests.replay.clip import sight
from tests.shipped_models import DIRECTORY

PLATE = {"text", "confidence", "char_confidences", "alternatives", "box", "quad", "syntax", "region"}


def anpr_edge(*arguments: str | Path) -> int:
    """Run the program's command as its entry point does."""
    given = ["scan", "--models", str(DIRECTORY), *map(str, arguments)]
    return run_program("anpr-edge", "", ["anpr_edge.cli.scan"], given)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a plate in `car2.png` and none in `car10.png` and `deeper/car1.png`."""
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    cv2.imwrite(str(folder / "car2.png"), sight().pixels)
    for name in ("car10.png", "deeper/car1.png"):
        cv2.imwrite(str(folder / name), np.full((720, 1280), 40, np.uint8))
    return folder


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_json_object_a_line_as_documented(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert anpr_edge("--jsonl", "--show-plates", pictures) == 0
    records = lines(capsys)
    assert [Path(r["image"]).name for r in records] == ["car2.png", "car10.png", "car1.png"]
    for record in records:
        assert set(record) == {"image", "plates", "ms"}
        assert set(record["ms"]) == {"detect", "read", "total"}
        assert record["ms"]["total"] == pytest.approx(record["ms"]["detect"] + record["ms"]["read"], abs=0.01)
    (plate,) = records[0]["plates"]
    assert set(plate) == PLATE
    assert fold(plate["text"]) == fold(sight().text)
    assert len(plate["char_confidences"]) == len(plate["text"])
    assert 0 < plate["confidence"] <= 1
    assert all(set(other) == {"text", "confidence"} for other in plate["alternatives"])
    assert plate["text"] not in [other["text"] for other in plate["alternatives"]]
    assert len(plate["box"]) == 4
    assert len(plate["quad"]) == 4
    assert records[1]["plates"] == []


def test_plates_are_masked_unless_asked_for(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = sight().text
    for form in (["--jsonl"], []):
        anpr_edge(*form, pictures / "car2.png")
        shown = capsys.readouterr()
        assert f"{text[:2]}•••" in shown.out
        assert text not in shown.out + shown.err
        assert text[2:] not in shown.out + shown.err


def test_masked_json_does_not_tell_the_length(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anpr_edge("--jsonl", pictures / "car2.png")
    (plate,) = lines(capsys)[0]["plates"]
    assert set(plate) == PLATE
    assert plate["char_confidences"] == plate["alternatives"] == []


def test_a_person_sees_text_place_and_times(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert anpr_edge("--show-plates", pictures / "car2.png") == 0
    shown = capsys.readouterr()
    assert fold(sight().text) in fold(shown.out)
    for word in ("1 plate", "detect", "read", "box", "quad"):
        assert word in shown.out
    assert "1 picture, 1 plate, 0 errors" in shown.err


def test_a_broken_file_is_one_error_line_and_the_rest_is_read(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "car1.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (pictures / "notes.txt").write_text("no picture")
    assert anpr_edge("--jsonl", pictures, pictures / "absent.png") == 1
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 3
    errors = [line for line in shown.err.splitlines() if line.startswith("error:")]
    assert len(errors) == 3
    for name, line in zip(("car1.jpg", "notes.txt", "absent.png"), errors, strict=True):
        assert name in line
    assert "Traceback" not in shown.err


def test_what_is_no_file_is_named_and_nothing_waits_for_it(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(pictures / "pipe.png")
    (pictures / "gone.png").symlink_to(pictures / "nowhere.png")
    (pictures / "deeper" / "link.png").symlink_to(pictures / "car2.png")
    assert anpr_edge("--jsonl", pictures, pictures / "pipe.png") == 1
    shown = capsys.readouterr()
    errors = [line for line in shown.err.splitlines() if line.startswith("error:")]
    assert [line.rpartition("/")[2] for line in errors] == [
        "gone.png: a link to a file that is not there",
        "pipe.png: not a regular file",
        "pipe.png: not a regular file",
    ]
    assert len(shown.out.splitlines()) == 4


def test_a_picture_that_is_too_small_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((8, 8), np.uint8))
    assert anpr_edge(tmp_path) == 1
    assert "dot.png: a picture of 8x8 px: each side must be 16 to 8192 px" in capsys.readouterr().err


def test_a_crop_that_is_too_wide_for_a_second_look_is_read_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crop = cv2.resize(sight().crop(), (5000, 1200), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "wide.png"), crop)
    assert anpr_edge("--crops", "--jsonl", "--show-plates", tmp_path) == 0
    (record,) = lines(capsys)
    assert fold(record["plates"][0]["text"]) == fold(sight().text)


def test_the_command_counts_as_unreadable_what_the_bench_does() -> None:
    parser = ArgumentParser()
    scan.add_parser(parser.add_subparsers())
    assert parser.parse_args(["scan", "x"]).min_confidence == 0.05
    default = signature(PictureReader.load).parameters["min_confidence"].default
    assert default == 0.05


def test_an_empty_folder_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert anpr_edge(tmp_path) == 1
    assert "no files" in capsys.readouterr().err


def test_hidden_files_are_left_alone(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / ".index").write_text("x")
    assert anpr_edge("--jsonl", pictures) == 0
    assert len(lines(capsys)) == 3


def test_a_file_name_that_is_no_text_is_shown_escaped(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = pictures / os.fsdecode(b"car\xff.png")
    (pictures / "car10.png").rename(odd)
    assert anpr_edge("--jsonl", odd) == 0
    assert lines(capsys)[0]["image"].endswith(r"car\xff.png")


def test_crops_are_read_without_searching(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crop = sight().crop()
    cv2.imwrite(str(tmp_path / "plate.png"), crop)
    assert anpr_edge("--jsonl", "--show-plates", "--crops", tmp_path / "plate.png") == 0
    (plate,) = lines(capsys)[0]["plates"]
    assert plate["box"] == [0, 0, crop.shape[1], crop.shape[0]]
    assert fold(plate["text"]) == fold(sight().text)


def test_a_reading_that_is_not_sure_enough_is_unreadable(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert anpr_edge("--jsonl", "--show-plates", "--min-confidence", "1", pictures / "car2.png") == 0
    (plate,) = lines(capsys)[0]["plates"]
    assert (plate["text"], plate["confidence"], plate["char_confidences"]) == ("", 0, [])
    assert plate["syntax"] is plate["region"] is None


@pytest.mark.parametrize("share", ["-0.1", "1.1", "some", "nan"])
def test_a_confidence_is_a_probability(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        anpr_edge(f"--min-confidence={share}", "x.png")
    assert ended.value.code == 2
    assert "0 to 1" in capsys.readouterr().err


def test_missing_models_say_where_to_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["scan", "--models", str(tmp_path), "x.png"]
    assert run_program("anpr-edge", "", ["anpr_edge.cli.scan"], given) == 1
    assert "hint: " in capsys.readouterr().err


@pytest.mark.parametrize("threads", ["0", "-1", "two", "1000"])
def test_threads_are_a_small_number(threads: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        anpr_edge("--threads", threads, "x.png")
    assert ended.value.code == 2
    assert "1 to 64" in capsys.readouterr().err


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        anpr_edge("--help")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in ("--jsonl --show-plates pictures/ > reads.jsonl", "docs/scan-output.md", "exit code"):
        assert word in shown
