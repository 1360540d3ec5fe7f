"""Texts fit the national patterns they should, and no others. All plates here are made up."""

from __future__ import annotations

import re

import pytest

from anpr_edge.plates.syntax import PATTERNS, could_be_plate, fold, match, prior, speaks_for_itself


@pytest.mark.parametrize(
    ("text", "name", "region"),
    [
        ("AB12CDE", "gb:current", "GB"),
        ("XX76ZZZ", "gb:current", "GB"),
        ("A1BCD", "gb:prefix", "GB"),
        ("Y999ABC", "gb:prefix", "GB"),
        ("Q123ABC", "gb:prefix", "GB"),
        ("ABC123D", "gb:suffix", "GB"),
        ("XIA1234", "gb:northern-ireland", "GB"),
        ("BZ1", "gb:northern-ireland", "GB"),
        ("MAN1234", "im:three-letter", "IM"),
        ("101D234", "gb:diplomatic", "GB"),
        ("A1", "gb:dateless-short", "GB"),
        ("1ABC", "gb:dateless", "GB"),
        ("9999AB", "gb:dateless-short", "GB"),
        ("AA123BB", "eu:aa000aa", None),
        ("1234BCD", "es:current", "ES"),
        ("241D12345", "ie:current", "IE"),
        ("1A23456", "cz:2001", "CZ"),
        ("12BDF3", "nl:sidecode-7", "NL"),
    ],
)
def test_a_text_fits_its_pattern(text: str, name: str, region: str | None) -> None:
    found = match(text)
    assert found is not None
    assert (found.name, found.region, found.text) == (name, region, text)


@pytest.mark.parametrize(
    "text",
    [
        "AB12CIE",  # no I among the last three
        "ABI2CDE",  # a letter in the age identifier
        "AB01CDE",  # no such age identifier
        "AB50CDE",
        "IB12CDE",  # no I in a memory tag
        "A012BCD",  # no leading zero
        "I123ABC",  # no I year
        "ABC123Z",  # no Z year
        "ABC0123",
        "1234",
        "ABCD",
        "",
        "AB12 CDE",
        "ab12cde",
        "AB12CDEF",
    ],
)
def test_what_was_never_issued_fits_nothing(text: str) -> None:
    assert match(text) is None


def test_every_pattern_takes_the_whole_text() -> None:
    for text in ("AB12CDE", "A1BCD", "BA123CD"):
        assert match(text) is not None
        assert match(f"{text}\n") is None


def test_names_are_unique_and_lead_with_the_region() -> None:
    names = [pattern.name for pattern in PATTERNS]
    assert len(set(names)) == len(names)
    for pattern in PATTERNS:
        assert pattern.name.startswith(pattern.region.lower() if pattern.region else "eu")


def test_a_narrow_pattern_speaks_louder_than_a_wide_one() -> None:
    assert prior("AB12CDE") > prior("A1BCD") > prior("1ABC") > prior("ABI2CDE") == 1


def test_folding_makes_one_of_what_is_drawn_alike() -> None:
    assert fold("OQ0I1") == "00011"
    assert fold("AB12CDE") == "AB12CDE"


@pytest.mark.parametrize(
    "text", ["AB12CDE", "HROXY123", "ABC1D23", "7ABC123", "12345", "191D12345", "WA12A34"]
)
def test_plates_of_many_countries_have_a_plates_shape(text: str) -> None:
    assert could_be_plate(text)


@pytest.mark.parametrize(
    "text",
    [
        "FLORIST",
        "LUW",
        "0134960345",
        "SINCE1987",
        "24HGLASS",
        "FLORIST87",
        "CALL0800",
        "A406M25N",
        "SL0W",
        "ST0P",
    ],
)
def test_words_and_telephone_numbers_have_not(text: str) -> None:
    assert not could_be_plate(text)


def test_only_a_narrow_pattern_speaks_for_itself() -> None:
    texts = ("AB12CDE", "A123BCD", "A40", "M25", "SL0W")
    assert [speaks_for_itself(text) for text in texts] == [True, False, False, False, False]


def test_no_pattern_has_a_group_of_its_own() -> None:
    assert [pattern.name for pattern in PATTERNS if re.compile(pattern.regex).groups] == []
