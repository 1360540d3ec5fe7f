"""What is booted, and when a boot is good: without booting, which takes minutes (scripts/boot-image)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.imaging import boot, firmware, initramfs
from scripts.imaging.layout import MIB, partitions

ACTIVE = {"anpr-edge-reader": "active", "anpr-edge-uplink": "active"}


def verdict(*, refusal: bool = False, **changes: Any) -> boot.Verdict:
    seen: dict[str, Any] = {"up_s": 90, "active": ACTIVE, "reader": {"reads": {"committed": 2}}}
    seen["provision"] = "inactive"
    last: dict[str, Any] = {"failed": [], "listening": [], "mounts": {"/": "/dev/root ro"}}
    for key, value in changes.items():
        (seen if key in seen else last)[key] = value
    return boot.Verdict(refusal, seen, last)


def refused(**changes: Any) -> boot.Verdict:
    """A machine that took no bundle and did nothing."""
    failed = {"anpr-edge-reader": "failed", "anpr-edge-uplink": "inactive"}
    why = ["error: b: another fleet's key", "hint: take the fleet's own"]
    usual = {
        "active": failed,
        "reader": {"reads": None},
        "provision": "failed",
        "failed": ["anpr-edge-provision.service loaded failed"],
        "said": why,
        "on_card": ["b: another fleet's key", "hint: take the fleet's own"],
    }
    made = verdict(refusal=True, **{**usual, **changes})
    made.last["provision"] = made.last.pop("said")
    return made


def test_a_boot_with_both_services_at_work_is_good() -> None:
    assert verdict().faults == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"active": {**ACTIVE, "anpr-edge-uplink": "failed"}}, "anpr-edge-uplink is failed"),
        ({"reader": {"reads": {"committed": 0}}}, "no read was sealed"),
        ({"reader": {"reads": None}}, "no read was sealed"),
        ({"failed": ["data.mount loaded failed"]}, "data.mount loaded failed has failed"),
        ({"listening": [["tcp", "LISTEN", "0", "128", "0.0.0.0:22", "0.0.0.0:*"]]}, "something listens"),
        ({"listening": [["udp", "UNCONN", "0", "0", "0.0.0.0:5355", "0.0.0.0:*"]]}, "something listens"),
        ({"mounts": {"/": "/dev/vda3 rw"}}, "not read-only"),
    ],
)
def test_anything_less_is_not(changes: dict[str, Any], said: str) -> None:
    assert any(said in fault for fault in verdict(**changes).faults)


def test_a_machine_that_never_spoke_or_never_ended_is_no_good_boot() -> None:
    assert boot.Verdict().faults
    assert boot.Verdict(False, verdict().seen, {}).faults == ["the machine did not come to its end"]


def test_a_boot_that_is_to_refuse_a_bundle_is_good_when_it_says_so_once_and_does_nothing() -> None:
    assert refused().faults == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"provision": "inactive"}, "no bundle was refused"),
        ({"said": []}, "no bundle was refused in one message"),
        ({"said": ["error: one", "error: two"]}, "no bundle was refused in one message"),
        ({"on_card": []}, "not on the card"),
        ({"active": {**ACTIVE, "anpr-edge-uplink": "failed"}}, "anpr-edge-reader is active"),
        ({"failed": ["data.mount loaded failed"]}, "data.mount loaded failed has failed"),
        ({"mounts": {"/": "/dev/vda3 rw"}}, "not read-only"),
    ],
)
def test_and_not_good_otherwise(changes: dict[str, Any], said: str) -> None:
    assert any(said in fault for fault in refused(**changes).faults)


def test_a_dhcp_client_waiting_for_its_answer_is_no_listener() -> None:
    line = ["udp", "UNCONN", "0", "0", "10.0.2.15%enp0s1:68", "0.0.0.0:*"]
    assert verdict(listening=[line]).faults == []


@pytest.mark.skipif(not shutil.which("cpio"), reason="sudo apt-get install cpio")
def test_what_is_added_to_an_initramfs_is_an_archive_that_others_can_read(tmp_path: Path) -> None:
    added = initramfs.probe(b"print('here')\n", 900.0)
    assert len(added) % 512 == 0
    subprocess.run(
        ["cpio", "--extract", "--quiet", "--make-directories"], input=added, cwd=tmp_path, check=True
    )
    assert (tmp_path / "anpr-probe/probe.py").read_bytes() == b"print('here')\n"
    assert (tmp_path / "scripts/init-bottom/anpr-probe").stat().st_mode & 0o111
    assert "900.0" in (tmp_path / "anpr-probe/anpr-probe.service").read_text()


@pytest.mark.parametrize("slot", ["a", "b"])
def test_each_slot_boots_its_own_root_read_only(slot: str) -> None:
    words = firmware.cmdline(slot).decode().split()
    assert [word for word in words if word.startswith("root=")] == [f"root=PARTLABEL=root_{slot}"]
    assert f"rauc.slot={slot.upper()}" in words
    assert "ro" in words
    assert "console=serial0,115200" not in words


@pytest.mark.skipif(not shutil.which("dtc"), reason="sudo apt-get install device-tree-compiler")
def test_the_same_boot_files_start_the_root_of_the_slot_they_lie_in() -> None:
    files = firmware.settings()
    sections = files["config.txt"].decode().split("[")
    numbers = {part.name: number for number, part in enumerate(partitions(MIB, MIB, MIB), start=1)}
    for slot in ("a", "b"):
        head = f"boot_partition={numbers[f'firmware_{slot}']}]\n"
        (section,) = (part.removeprefix(head) for part in sections if part.startswith(head))
        name = section.strip().removeprefix("cmdline=")
        assert f"root=PARTLABEL=root_{slot}" in files[name].decode().split()
    assert sections[3].startswith("all]")


@pytest.mark.skipif(not shutil.which("dtc"), reason="sudo apt-get install device-tree-compiler")
def test_the_boot_files_hold_the_overlays_that_their_configuration_names() -> None:
    files = firmware.settings()
    assert not {"autoboot.txt", "cmdline.txt"} & files.keys()
    named = {
        line.removeprefix("dtoverlay=").partition(",")[0]
        for line in files["config.txt"].decode().splitlines()
        if line.startswith("dtoverlay=anpr")
    }
    assert named
    assert all(f"overlays/{name}.dtbo" in files for name in named)
