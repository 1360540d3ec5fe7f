"""Which file system counts as the technician's stick, and that it is given back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.cli.usbstick import choose, stick
from anpr_edge.errors import AnprError


def disk(path: str, tran: str, *parts: tuple[str, str, str | None], **own: Any) -> dict[str, Any]:
    children = [{"path": p, "tran": None, "fstype": kind, "mountpoint": at} for p, kind, at in parts]
    return {"path": path, "tran": tran, "fstype": None, "mountpoint": None, **own} | (
        {"children": children} if children else {}
    )


SYSTEM = disk("/dev/nvme0n1", "nvme", ("/dev/nvme0n1p1", "vfat", "/boot/firmware"))
STICK = disk("/dev/sda", "usb", ("/dev/sda1", "vfat", None))


def test_a_partition_of_a_usb_disk_is_taken() -> None:
    assert choose([SYSTEM, STICK]) == "/dev/sda1"


def test_a_stick_without_a_partition_table_is_taken_whole() -> None:
    assert choose([disk("/dev/sdb", "usb", fstype="exfat")]) == "/dev/sdb"


@pytest.mark.parametrize(
    "disks",
    [
        [SYSTEM],
        [disk("/dev/sda", "usb", ("/dev/sda1", "vfat", "/boot/firmware"), ("/dev/sda2", "vfat", None))],
        [disk("/dev/sda", "usb", ("/dev/sda1", "ext4", None))],
        [disk("/dev/sda", "sata", ("/dev/sda1", "vfat", None))],
        [],
    ],
    ids=["the unit's own", "what the unit runs from", "another file system", "not USB", "none"],
)
def test_what_is_no_stick_is_left_alone(disks: list[dict[str, Any]]) -> None:
    with pytest.raises(AnprError, match="no USB stick"):
        choose(disks)


def test_of_two_nobody_guesses() -> None:
    other = disk("/dev/sdb", "usb", ("/dev/sdb1", "exfat", None))
    with pytest.raises(AnprError, match=r"/dev/sda1, /dev/sdb1"):
        choose([STICK, other])


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """lsblk, mount and umount of the test's own, which note what they were told."""
    programs = tmp_path / "bin"
    programs.mkdir()
    listing = '{"blockdevices": [{"path": "/dev/sda", "tran": "usb", "fstype": "vfat", "mountpoint": null}]}'
    for name, line in (("lsblk", f"echo '{listing}'"), ("mount", "true"), ("umount", "true")):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/told\n{line}\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return tmp_path


def test_it_is_mounted_without_rights_and_given_back_whatever_happens(system: Path) -> None:
    with pytest.raises(RuntimeError), stick(system / "stick"):
        raise RuntimeError
    told = (system / "told").read_text().splitlines()
    assert told[1:] == [f"mount -o nosuid,nodev,noexec /dev/sda {system}/stick", f"umount {system}/stick"]


def test_a_stick_that_cannot_be_mounted_says_why(system: Path) -> None:
    (system / "bin" / "mount").write_text("#!/bin/sh\necho 'bad superblock' >&2\nexit 32\n")
    with pytest.raises(AnprError, match="mount: bad superblock"), stick(system / "stick"):
        raise AssertionError
