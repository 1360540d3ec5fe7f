"""The commissioning view is kept by its light, and nothing but a view is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anpr_edge.commissioning import FILE, keep_view, read_views
from anpr_edge.errors import AnprError
from anpr_edge.vision.signature import Signature

UTC_NS = 1_800_000_000 * 10**9


def view(cell: int) -> Signature:
    return Signature(np.full((36, 64), cell, np.uint8))


def test_day_and_night_are_kept_beside_each_other(tmp_path: Path) -> None:
    assert read_views(tmp_path) == {}
    keep_view(tmp_path, "day", view(1).to_json(), UTC_NS)
    keep_view(tmp_path, "night", view(2).to_json(), UTC_NS)
    keep_view(tmp_path, "day", view(3).to_json(), UTC_NS)
    views = read_views(tmp_path)
    assert {light: int(one.signature.cells[0, 0]) for light, one in views.items()} == {"day": 3, "night": 2}
    assert views["day"].utc == "2027-01-15T08:00:00+00:00"
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 2, "views": {}}', '{"schema": 1, "views": {"day": 1}}']
)
def test_another_file_in_its_place_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(AnprError, match=r"capture it again|not a commissioning view"):
        read_views(tmp_path)


def test_a_view_of_another_grid_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="grid"):
        keep_view(tmp_path, "day", {**view(1).to_json(), "across": 128}, UTC_NS)
    assert list(tmp_path.iterdir()) == []


def test_it_holds_directions_and_nothing_else(tmp_path: Path) -> None:
    keep_view(tmp_path, "any", view(1).to_json(), UTC_NS)
    document = json.loads((tmp_path / FILE).read_text())
    assert set(document["views"]["any"]) == {"utc", "across", "down", "cells"}
    assert (tmp_path / FILE).stat().st_size < 2_000
