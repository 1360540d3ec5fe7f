"""The command key and its numbers, which only rise."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.errors import KeyFileError
from anpr_edge.fleet.commandkey import COMMAND_PUBLIC, NUMBER_FILE, make_command_key, next_number
from anpr_edge.seal.keys import VerifyKey


def test_a_key_is_made_once(tmp_path: Path) -> None:
    key = make_command_key(tmp_path)
    assert VerifyKey.load(tmp_path / COMMAND_PUBLIC) == key
    with pytest.raises(KeyFileError, match="never overwritten"):
        make_command_key(tmp_path)


def test_numbers_rise_whatever_the_clock_does(tmp_path: Path) -> None:
    assert [next_number(tmp_path, utc_s) for utc_s in (1000, 1000, 500, 2000)] == [1000, 1001, 1002, 2000]


def test_a_lost_counter_begins_at_the_time(tmp_path: Path) -> None:
    next_number(tmp_path, 1000)
    (tmp_path / NUMBER_FILE).unlink()
    assert next_number(tmp_path, 1010) == 1010
