"""The record of a drive-by test: what stands in it, and what can never."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.cli.testread_record import Place, record_lines, write_record
from anpr_edge.errors import AnprError
from anpr_edge.fleet.page import html_page
from anpr_edge.records import Instant, PlateRead

AT = Instant(utc_ns=1_790_000_000 * 10**9, mono_ns=0, utc_error_ms=12.4)
PLACE = Place("demo", "unit-0001", "A | B <script>", AT)
READ = PlateRead(
    plate_text="AB12CDE",
    confidence=0.987,
    char_confidences=(0.9,) * 7,
    alternatives=(),
    syntax="gb:current",
    region="GB",
    first=AT,
    last=replace(AT, mono_ns=250_000_000),
    frames_used=6,
    direction="toward",
    lane="near",
    fix=None,
    model_ids=("detector-1", "recogniser-2"),
)
COUNTS = {"frames": 300, "found": 9, "too_small": 1, "outside": 2, "unreadable": 0, "reads": 1}
SIGHT = {"plates": {"looks": 9, "width_px": 121.4, "sharpness": 0.173, "contrast": 80.0}}


def page(place: Place = PLACE, reads: tuple[PlateRead, ...] = (READ,), why: str = "") -> str:
    return "\n".join(html_page("record", record_lines(place, reads, COUNTS, SIGHT, why)))


def test_what_was_read_and_seen_stands_in_it() -> None:
    text = page()
    for words in (
        "AB•••",
        "0.987",
        "<td>6</td>",
        "250 ms",
        "toward",
        "near",
        "121 px",
        "0.17",
        "right to 12 ms",
    ):
        assert words in text
    assert "detector-1 recogniser-2" in text


def test_no_plate_is_in_it() -> None:
    assert "AB12CDE" not in page()


def test_a_sites_name_is_text() -> None:
    assert "demo, A | B &lt;script&gt;" in page()


def test_an_unsynchronised_clock_is_stated() -> None:
    assert "clock not synchronised" in page(replace(PLACE, at=replace(AT, utc_error_ms=None)))


def test_nothing_read_says_why_and_still_has_room_to_sign() -> None:
    text = page(reads=(), why="no frame came")
    assert "<strong>Nothing was read:</strong> no frame came." in text
    assert "date, signature" in text


def test_what_cannot_be_written_leaves_the_old_record(tmp_path: Path) -> None:
    file = tmp_path / "record.html"
    file.write_text("old")
    (tmp_path / ".record.html.new").mkdir()
    with pytest.raises(AnprError, match=r"record\.html"):
        write_record(file, iter(["# new"]), "record")
    assert file.read_text() == "old"
