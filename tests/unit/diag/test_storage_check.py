"""Wear and errors of the disk below the state folder, by its own account."""

from __future__ import annotations

import json

import pytest

from anpr_edge.diag.checks.storage import CHECK
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench


@pytest.mark.parametrize(
    ("life", "end", "verdict"),
    [
        ("0x01 0x01", "0x01", Verdict.OK),
        ("0x08 0x02", "0x01", Verdict.OK),
        ("0x02 0x09", "0x01", Verdict.WARN),
        ("0x01 0x01", "0x02", Verdict.WARN),
        ("0x0b 0x03", "0x01", Verdict.FAIL),
        ("0x01 0x01", "0x03", Verdict.FAIL),
    ],
)
def test_emmc_life(bench: Bench, life: str, end: str, verdict: Verdict) -> None:
    bench.pi.mount(bench.state_dir, "mmcblk0", "mmcblk0p2")
    bench.pi.write("sys/block/mmcblk0/device/life_time", life)
    bench.pi.write("sys/block/mmcblk0/device/pre_eol_info", end)
    assert bench.find(CHECK)["disk-wear"].verdict is verdict


@pytest.mark.parametrize(
    ("used", "critical", "verdict"),
    [(3, 0, Verdict.OK), (81, 0, Verdict.WARN), (100, 0, Verdict.FAIL), (3, 4, Verdict.FAIL)],
)
def test_nvme_log(bench: Bench, used: int, critical: int, verdict: Verdict) -> None:
    bench.pi.mount(bench.state_dir, "nvme0n1", "nvme0n1p2")
    log = {"percentage_used": used, "critical_warning": critical}
    bench.pi.answers["smartctl"] = json.dumps({"nvme_smart_health_information_log": log})
    finding = bench.find(CHECK)["disk-wear"]
    assert finding.verdict is verdict
    assert f"{used} %" in finding.measured


@pytest.mark.parametrize("answer", ["", "not json", "[]", '{"smartctl": {"exit_status": 2}}'])
def test_an_nvme_that_does_not_tell(bench: Bench, answer: str) -> None:
    bench.pi.mount(bench.state_dir, "nvme0n1", "nvme0n1p2")
    bench.pi.answers["smartctl"] = answer
    assert bench.find(CHECK)["disk-wear"].verdict is Verdict.ABSENT


def test_an_sd_card_does_not_tell_its_wear(bench: Bench) -> None:
    bench.pi.mount(bench.state_dir, "mmcblk0", "mmcblk0p2")
    finding = bench.find(CHECK)["disk-wear"]
    assert finding.verdict is Verdict.ABSENT
    assert "mmcblk0" in finding.measured


@pytest.mark.parametrize(("count", "verdict"), [("0", Verdict.OK), ("2", Verdict.FAIL)])
def test_errors_of_the_file_system(bench: Bench, count: str, verdict: Verdict) -> None:
    bench.pi.mount(bench.state_dir, "mmcblk0", "mmcblk0p2")
    bench.pi.write("sys/fs/ext4/mmcblk0p2/errors_count", count)
    assert bench.find(CHECK)["disk-errors"].verdict is verdict


def test_a_folder_that_is_on_no_disk(bench: Bench) -> None:
    assert {one.verdict for one in bench.find(CHECK).values()} == {Verdict.ABSENT}
