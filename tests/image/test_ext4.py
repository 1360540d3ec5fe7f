"""An ext4 file system built twice is twice the same, and holds what the tar file held."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

from scripts.imaging import ext4
from scripts.imaging.layout import MIB
from scripts.imaging.tools import run
from tests.image.cards import EPOCH, needs_tools

pytestmark = needs_tools
UUID = "6c0f4f0e-52c2-4b7d-9f50-2f6a3a0b7c01"
DESCRIBED = """Inode count:              24
First inode:              11
 Group 0:
  Free inodes: 13-14, 16
 Group 1:
  Free inodes: 19-24
"""


def system(path: Path) -> Path:
    """A tar file with an owner, a mode, a link and a time of its own for each."""
    with tarfile.open(path, "w") as tar:
        for name in (".", "./etc", "./home"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            tar.addfile(folder)
        for name, uid, mode, content in (
            ("etc/shadow", 0, 0o640, b"root:!:"),
            ("home/x", 1000, 0o4755, b"x" * 9000),
        ):
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.uid, entry.gid, entry.mode, entry.mtime = (
                len(content),
                uid,
                42,
                mode,
                EPOCH - 99,
            )
            tar.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("./sbin")
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "usr/sbin", EPOCH
        tar.addfile(link)
    return path


def build(tar: Path, image: Path, *without: str) -> Path:
    ext4.from_tar(
        tar,
        image,
        label="root",
        uuid=UUID,
        size=16 * MIB,
        epoch=EPOCH,
        scratch=image.parent,
        log=image.parent / "log",
        without=without,
    )
    return image


def test_built_twice_it_is_the_same_to_the_last_byte(tmp_path: Path) -> None:
    tar = system(tmp_path / "tar")
    first = build(tar, tmp_path / "first").read_bytes()
    time.sleep(1.1)  # what a file system notes of the time of building would differ now
    assert build(tar, tmp_path / "second").read_bytes() == first


def test_owners_modes_and_times_are_those_of_the_tar_file(tmp_path: Path) -> None:
    image = build(system(tmp_path / "tar"), tmp_path / "image")
    run(["e2fsck", "-f", "-n", image])
    said = run(["debugfs", "-R", "stat /home/x", image])
    assert "Mode:  04755" in said
    assert "User:  1000   Group:    42" in said
    mtime, ctime = (next(line for line in said.splitlines() if name in line) for name in ("mtime", "ctime"))
    assert f"0x{EPOCH - 99:08x}" in mtime
    assert f"0x{EPOCH:08x}" in ctime
    assert 'Fast link dest: "usr/sbin"' in run(["debugfs", "-R", "stat /sbin", image])


def test_what_is_left_out_is_not_in_it(tmp_path: Path) -> None:
    image = build(system(tmp_path / "tar"), tmp_path / "image", "./home/*")
    assert "shadow" in run(["debugfs", "-R", "ls /etc", image])
    assert " x " not in run(["debugfs", "-R", "ls /home", image])


def test_used_inodes_are_the_root_and_all_that_are_not_free() -> None:
    assert list(ext4.used_inodes(DESCRIBED)) == [2, 11, 12, 15, 17, 18]
