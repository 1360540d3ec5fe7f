"""Log lines carry their priority to the journal, and a time to people."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from anpr_edge.daemon.logs import goes_to_journal, priority, start_logging


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def journal_of(path: Path) -> dict[str, str]:
    state = path.stat()
    return {"JOURNAL_STREAM": f"{state.st_dev}:{state.st_ino}"}


def test_each_line_to_the_journal_has_the_priority_of_its_record(tmp_path: Path) -> None:
    path = tmp_path / "stderr"
    with path.open("w", encoding="utf-8") as stream:
        start_logging("info", stream, journal_of(path))
        logging.getLogger("anpr_edge.capture").warning("camera stalled\nfor 3 s")
        logging.getLogger("anpr_edge.capture").debug("not asked for")
    assert path.read_text() == "<4>anpr_edge.capture: camera stalled\n<4>for 3 s\n"


def test_people_see_utc_and_the_level() -> None:
    stream = io.StringIO()
    start_logging("info", stream, {"JOURNAL_STREAM": "1:2"})
    logging.getLogger("anpr_edge.uplink").error("refused")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR   anpr_edge\.uplink: refused\n", stream.getvalue()
    )


def test_starting_again_does_not_write_lines_twice() -> None:
    first, second = io.StringIO(), io.StringIO()
    start_logging("info", first, {})
    start_logging("info", second, {})
    logging.getLogger("anpr_edge").info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_a_stream_redirected_since_is_not_the_journal(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    with (tmp_path / "elsewhere").open("w", encoding="utf-8") as stream:
        assert not goes_to_journal(stream, journal_of(tmp_path / "journal"))
        assert goes_to_journal(stream, journal_of(tmp_path / "elsewhere"))
    assert not goes_to_journal(stream, {"JOURNAL_STREAM": f"{os.getpid()}:1"})


@pytest.mark.parametrize(
    ("level", "expected"),
    [(logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7)],
)
def test_priorities(level: int, expected: int) -> None:
    assert priority(level) == expected
