"""What the system says is passed on without its numbers and repetitions."""

from __future__ import annotations

from pathlib import Path

import pytest
import serial

from anpr_edge.errors import reason


def test_a_missing_file_is_said_without_number_or_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Errno") as raised:
        (tmp_path / "absent").read_bytes()
    assert reason(raised.value) == "No such file or directory"


def test_a_missing_serial_line_is_said_once(tmp_path: Path) -> None:
    with pytest.raises(serial.SerialException) as raised:
        serial.Serial(str(tmp_path / "absent"))
    assert reason(raised.value) == "No such file or directory"


def test_what_has_no_number_keeps_its_words() -> None:
    assert reason(ValueError("not a number")) == "not a number"
    assert reason(serial.SerialException("device reports readiness to read")).startswith("device reports")
