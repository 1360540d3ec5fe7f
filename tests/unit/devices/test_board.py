"""Sensors are read where they are, and None where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.devices.board import Throttling, load_1min, resident_mb, soc_temperature_c, throttling

NO_COMMAND = "no-such-command-anywhere"


def zone(sys: Path, number: int, kind: str, millidegrees: str) -> None:
    folder = sys / f"class/thermal/thermal_zone{number}"
    folder.mkdir(parents=True)
    (folder / "type").write_text(f"{kind}\n")
    (folder / "temp").write_text(f"{millidegrees}\n")


def test_the_processors_zone_is_found_among_others(tmp_path: Path) -> None:
    zone(tmp_path, 0, "acpitz", "27800")
    zone(tmp_path, 1, "cpu-thermal", "61335")
    assert soc_temperature_c(tmp_path) == 61.335


def test_no_sensor_no_temperature(tmp_path: Path) -> None:
    assert soc_temperature_c(tmp_path) is None


def test_throttling_from_sysfs(tmp_path: Path) -> None:
    folder = tmp_path / "devices/platform/soc/soc:firmware"
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text("50005\n")
    found = throttling(tmp_path, NO_COMMAND)
    assert found == Throttling(True, False, True, False, True, False, True, False)


def test_throttling_from_the_firmwares_command(tmp_path: Path) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x80008\n')
    command.chmod(0o755)
    found = throttling(tmp_path, str(command))
    assert found == Throttling(False, False, False, True, False, False, False, True)


@pytest.mark.parametrize("answer", ["echo nonsense", "exit 1"])
def test_a_firmware_that_says_nothing_useful(tmp_path: Path, answer: str) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text(f"#!/bin/sh\n{answer}\n")
    command.chmod(0o755)
    assert throttling(tmp_path, str(command)) is None


def test_another_board_has_no_such_flags(tmp_path: Path) -> None:
    assert throttling(tmp_path, NO_COMMAND) is None


def test_memory_of_a_known_process(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/statm").write_text("50000 10000 2000 5 0 9000 0\n")
    assert resident_mb(tmp_path) in {round(10_000 * page / 1e6, 1) for page in (4096, 16_384, 65_536)}


def test_this_process_has_memory_and_a_load() -> None:
    assert (resident_mb() or 0) > 1
    assert load_1min() >= 0


def test_no_proc_no_memory(tmp_path: Path) -> None:
    assert resident_mb(tmp_path) is None
