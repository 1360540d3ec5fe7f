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


def fill_up(disk: Path, leave: int = 0) -> Path:
    """Take all the room there is, but for `leave` bytes; the file that does."""
    free = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("ab") as file:
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - leave)))
    return ballast
