"""The boot configuration: what the firmware, the kernel and systemd would refuse or misread."""

from __future__ import annotations

import configparser
import re

import pytest

from tests.unit.hw.pages import ROOT
from tests.unit.hw.trees import BOARDS

BOOT = ROOT / "hw" / "boot"
FILTERS = {"all", "pi4", "cm4", "pi5"}
LONGEST_LINE = 98
"""Source: Raspberry Pi documentation, "What is config.txt?": what follows on a line is not read."""


def settings(name: str) -> dict[str, list[str]]:
    """A file's settings under each of its filters."""
    found: dict[str, list[str]] = {}
    under = "all"
    for line in (BOOT / name).read_text().splitlines():
        if line.startswith("["):
            under = line.strip("[]")
            found.setdefault(under, [])
        elif line and not line.startswith("#"):
            found.setdefault(under, []).append(line)
    return found


def test_a_normal_start_and_a_trial_take_different_slots() -> None:
    assert settings("autoboot.txt") == {
        "all": ["tryboot_a_b=1", "boot_partition=2"],
        "tryboot": ["boot_partition=3"],
    }
    assert (BOOT / "autoboot.txt").stat().st_size <= 512


def test_the_firmware_knows_every_filter_and_reads_every_line() -> None:
    text = (BOOT / "config.txt").read_text()
    assert set(settings("config.txt")) <= FILTERS
    assert [line for line in text.splitlines() if not line.startswith("#") and len(line) > LONGEST_LINE] == []
    assert text.rstrip().endswith("[all]")  # what an engineer adds at the end holds for every board


def test_each_board_gets_its_own_overlay() -> None:
    found = {
        under: [line.removeprefix("dtoverlay=") for line in lines if line.startswith("dtoverlay=anpr-edge")]
        for under, lines in settings("config.txt").items()
    }
    assert found == {"all": [], "pi4": ["anpr-edge"], "cm4": [], "pi5": ["anpr-edge-pi5"]}
    assert {"anpr-edge", "anpr-edge-pi5"} == set(BOARDS)


def test_no_cell_is_charged_unless_somebody_asks() -> None:
    assert not any("rtc_bbat_vchg" in line for lines in settings("config.txt").values() for line in lines)


def test_the_kernels_command_line_is_one_line() -> None:
    assert len((BOOT / "cmdline.txt").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "word",
    [
        "root=PARTLABEL=root_a",
        "rootwait",
        "panic=10",
        "cgroup_enable=memory",
        "systemd.swap=0",
        "watchdog_disarm=0",
    ],
)
def test_the_kernel_is_told(word: str) -> None:
    assert word in (BOOT / "cmdline.txt").read_text().split()


def test_the_gps_has_its_line_for_itself() -> None:
    assert not re.search(r"console=(serial0|ttyAMA|ttyS)", (BOOT / "cmdline.txt").read_text())


def test_systemd_feeds_the_watchdog_in_a_time_that_the_chip_can_count() -> None:
    said = configparser.ConfigParser()
    said.read(BOOT / "watchdog.conf")
    assert dict(said["Manager"]) == {
        "runtimewatchdogsec": "15s",
        "rebootwatchdogsec": "15s",
    }


def test_every_line_is_explained() -> None:
    page = (BOOT / "README.md").read_text()
    lines = [line for each in settings("config.txt").values() for line in each]
    obvious = {"arm_64bit=1", "auto_initramfs=1"}
    unexplained = [
        line
        for line in lines
        if line not in obvious
        and line not in page
        and line.split("=")[0] not in page
        and line.split("=")[-1] not in page
    ]
    assert unexplained == []
