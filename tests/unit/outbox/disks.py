"""Small disks of their own, to fill, to make read-only and to take away."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def mount(folder: Path, options: str) -> bool:
    """Mount a tmpfs on `folder`, or mount it anew with other options; whether that worked."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own at `folder`."""
    folder.mkdir(exist_ok=True)
    if os.geteuid() != 0 or not mount(folder, f"size={size}"):
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


class Card:
    """An ext4 file system in a file that turns read-only on an error, as a worn card's does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._image = folder.with_suffix(".img")
        folder.mkdir()
        with self._image.open("wb") as file:
            file.truncate(16 << 20)
        self._run("mkfs.ext4", "-q", "-F", self._image)
        self._mount()

    def fail(self) -> None:
        """Let the kernel find an error in the file system, which it answers by writing no more."""
        device = self._run("findmnt", "-no", "SOURCE", self.folder).strip()
        Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error").write_text("worn")

    def mend(self) -> None:
        """Check the file system and mount it again, under a process that has its files open."""
        self.remove()
        subprocess.run(["e2fsck", "-fy", self._image], check=False, capture_output=True)
        self._mount()

    def remove(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "-l", self.folder], check=False, capture_output=True)

    def _mount(self) -> None:
        self._run("mount", "-o", "loop,errors=remount-ro", self._image, self.folder)

    @staticmethod
    def _run(*command: str | Path) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def failing_card(folder: Path) -> Iterator[Card]:
    """A card that can be made to fail."""
    if not Path("/sys/fs/ext4").is_dir():
        pytest.skip("needs /sys, where the kernel's ext4 can be told to find an error")
    try:
        card = Card(folder)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs root, mkfs.ext4 and loop devices")
    try:
        yield card
    finally:
        card.remove()


def fill_up(disk: Path, leave: int = 0) -> Path:
    """Take all the room there is, but for `leave` bytes; the file that does."""
    free = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("ab") as file:
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - leave)))
    return ballast
