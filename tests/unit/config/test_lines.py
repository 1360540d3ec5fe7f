"""Every key's line, however the text is laid out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.config.lines import KeyPath, LineMap
from anpr_edge.config.schema import toml_value

TEXT = '''\
# a comment with [brackets] and a = 1
title = "a # in a string, and a \\" quote"

[camera]  # and one here
width = 1280
"quoted.key" = 'a [literal]'
dotted . deep = 1
when = 2026-11-22 05:00:00Z
[ "spaced" . 'out' ]
many = """
[not.a.section]
nor = "this"
""\\""""
rest = \'\'\'
nor = this\'\'\'\'
list = [
  1,  # one
  "two, ]",
  [3, 4],
  { five = 5, six = { seven = [7] } },
]
[[lane]]
name = "a"
[[lane]]
name = "b"
[lane.mark]
colour = "white"
'''

WHERE: dict[KeyPath, int] = {
    ("title",): 2,
    ("camera",): 4,
    ("camera", "width"): 5,
    ("camera", "quoted.key"): 6,
    ("camera", "dotted"): 7,
    ("camera", "dotted", "deep"): 7,
    ("camera", "when"): 8,
    ("spaced",): 9,
    ("spaced", "out"): 9,
    ("spaced", "out", "many"): 10,
    ("spaced", "out", "rest"): 14,
    ("spaced", "out", "list"): 16,
    ("spaced", "out", "list", 0): 17,
    ("spaced", "out", "list", 1): 18,
    ("spaced", "out", "list", 2, 1): 19,
    ("spaced", "out", "list", 3, "five"): 20,
    ("spaced", "out", "list", 3, "six", "seven", 0): 20,
    ("lane", 0, "name"): 23,
    ("lane", 1, "name"): 25,
    ("lane", 1, "mark", "colour"): 27,
}


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every path in parsed TOML."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield from paths(inner, (*path, part))


@pytest.mark.parametrize("path", WHERE)
def test_known_lines(path: KeyPath) -> None:
    assert LineMap(TEXT).line(path) == WHERE[path]


def test_the_parser_and_the_map_see_the_same_keys() -> None:
    lines = LineMap(TEXT)
    assert all(lines.line(path) for path in paths(tomllib.loads(TEXT)))
    assert lines.line(("not", "a")) is None
    assert lines.line(("spaced", "out", "nor")) is None


def test_a_missing_key_is_looked_for_in_its_section() -> None:
    lines = LineMap(TEXT)
    assert lines.nearest(("camera", "gain")) == 4
    assert lines.nearest(("spaced", "out", "list", 1, "x")) == 18
    assert lines.nearest(("broker", "host")) is None


def test_keys_given_twice_are_listed() -> None:
    lines = LineMap("[a]\nx = 1\ny = 2\nx = 3\n")
    assert lines.repeated == [(("a", "x"), 4, 2)]


def test_windows_line_ends() -> None:
    assert LineMap("[a]\r\nx = 1\r\ny = 2\r\n").line(("a", "y")) == 3


@pytest.mark.parametrize(
    "broken", ["[a\nx = 1\nb = 2", "= 1\nb = 2", "a =\nb = 2", 'a = [1, "\nb = 2', "a = {b\nc = {"]
)
def test_broken_text_is_mapped_as_far_as_it_goes(broken: str) -> None:
    LineMap(broken)


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    LineMap(text)


@given(st.text("[]{}=,.\"'#\n ab1\\", max_size=40))
def test_any_punctuation_is_survived_and_valid_text_fully_mapped(text: str) -> None:
    lines = LineMap(text)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert all(lines.line(path) for path in paths(parsed))


NAMES = st.text("abc-_", min_size=1, max_size=3)
SCALARS = st.one_of(st.booleans(), st.integers(-9, 9), st.text("a#[]{}='\"\\,\n", max_size=6))
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4)
GAPS = st.lists(st.sampled_from(["", "# note = 1", "  # [x]"]), max_size=2)


@given(TABLES, st.data())
def test_lines_of_written_text(tables: dict[str, dict[str, Any]], data: st.DataObject) -> None:
    written: list[str] = []
    expected: dict[KeyPath, int] = {}
    for name, table in tables.items():
        written += [*data.draw(GAPS), f"[{name}]"]
        expected[(name,)] = len(written)
        for key, value in table.items():
            written += [*data.draw(GAPS), f"{key} = {toml_value(value)} # end"]
            expected[(name, key)] = len(written)
    text = "\n".join(written)
    assert tomllib.loads(text) == tables
    lines = LineMap(text)
    assert {path: lines.line(path) for path in expected} == expected
