"""State files are whole or absent, readable by all, and tell a dead service from a living one."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import AnprError
from anpr_edge.statefile import FRESH_S, START_S, StateFile, is_fresh, read_state


def test_a_state_file_can_be_read_by_all_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "run" / "reader.json"
    old_mask = os.umask(0o077)
    try:
        assert StateFile(path).write({"schema": 1, "state": "running"})
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == ["reader.json"]
    assert read_state(path) == {"schema": 1, "state": "running"}


def test_a_reader_with_the_old_file_open_still_sees_the_old_state(tmp_path: Path) -> None:
    path = tmp_path / "reader.json"
    state_file = StateFile(path)
    state_file.write({"schema": 1, "n": 1})
    with path.open(encoding="utf-8") as old:
        state_file.write({"schema": 1, "n": 2})
        assert json.load(old)["n"] == 1
    assert (read_state(path) or {})["n"] == 2


def test_a_state_that_cannot_be_written_is_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    state_file = StateFile(tmp_path / "file" / "reader.json")
    assert state_file.write({"schema": 1}) is False
    assert state_file.failures == 1


@pytest.mark.parametrize("before", ['{"schema": 1, "state": "running", "lost": 3}', None, "{"])
def test_a_last_word_leaves_the_rest_as_it_was(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "reader.json"
    if before:
        path.write_text(before)
    assert StateFile(path).amend({"schema": 1, "state": "failed"})
    kept = {"lost": 3} if before and "lost" in before else {}
    assert read_state(path) == {"schema": 1, "state": "failed", **kept}


def test_a_process_that_never_ran_has_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path / "reader.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 2}', "\x00"])
def test_something_else_is_not_taken_for_a_state(tmp_path: Path, content: str) -> None:
    path = tmp_path / "reader.json"
    path.write_text(content)
    with pytest.raises(AnprError, match="not a state file"):
        read_state(path)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"mono_s": 100.0, "state": "running"}, True),
        ({"mono_s": 100.0 - FRESH_S, "state": "running"}, True),
        ({"mono_s": 99.9 - FRESH_S, "state": "running"}, False),
        ({"mono_s": 100.1, "state": "running"}, False),  # from before the last boot
        *(({"mono_s": 100.0, "state": state}, False) for state in ("finished", "stopped", "failed")),
        ({"mono_s": 100.0 - START_S, "state": "starting"}, True),
        ({"mono_s": 99.9 - START_S, "state": "starting"}, False),
        ({"state": "running"}, False),
    ],
)
def test_freshness(state: dict[str, Any], expected: bool) -> None:
    assert is_fresh(state, 100.0) is expected
