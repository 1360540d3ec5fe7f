"""Parcels over a pipe, whole or not at all."""

from __future__ import annotations

from io import BytesIO

import pytest

from anpr_edge.aim.parcel import Parcel, read_parcel
from anpr_edge.errors import AnprError

PARCEL = Parcel({"seq": 1, "words": "µ"}, b"\xff\xd8picture")


def test_there_and_back() -> None:
    stream = BytesIO(PARCEL.encode() + Parcel({"end": True}).encode())
    assert read_parcel(stream) == PARCEL
    assert read_parcel(stream) == Parcel({"end": True})
    assert read_parcel(stream) is None


@pytest.mark.parametrize("cut", [1, 7, 8, 12, 30])
def test_a_parcel_cut_short_is_the_end(cut: int) -> None:
    assert read_parcel(BytesIO(PARCEL.encode()[:cut])) is None


def test_a_length_that_cannot_be_is_refused() -> None:
    with pytest.raises(AnprError, match="at most"):
        read_parcel(BytesIO(b"\xff" * 16))


def test_a_figure_that_is_none_does_not_go_out() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Parcel({"now": float("nan")}).encode()
