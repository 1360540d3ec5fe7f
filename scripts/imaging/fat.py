"""A FAT file system made, filled and read with mtools: no loop device, no mount, no root."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging.tools import run

TIME_ZONE = {"TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
FAT32_FROM = 64 * 1024 * 1024
"""Smaller ones have too few clusters for it. Source: mkfs.fat(8)."""
NOTHING_THERE = 'File "::/" not found'
"""What mdir(1) says of an empty file system."""


def make(image: Path, files: Mapping[str, bytes], *, label: str, serial: str, size: int, epoch: int) -> None:
    """Make `image` a FAT file system of `size` bytes with these files, by path; all dated `epoch`.

    Raises: ImageError when they do not fit.
    """
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size)
    env = {**TIME_ZONE, "SOURCE_DATE_EPOCH": str(epoch)}
    bits = "32" if size >= FAT32_FROM else "16"
    run(["mkfs.vfat", "-F", bits, "-n", label, "-i", serial, "--invariant", image], env=env)
    with tempfile.TemporaryDirectory(dir=image.parent, prefix="fat-") as folder:
        tree = Path(folder)
        for name, content in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for path in [*tree.rglob("*"), tree]:
            os.utime(path, (epoch, epoch))
        if top := sorted(tree.iterdir()):
            run(["mcopy", "-i", image, "-s", "-m", *top, "::/"], env=env)


def read(device: Path, name: str, *, offset: int = 0) -> bytes:
    """One file of the FAT file system that begins at `offset` of an image or device.

    Raises: ImageError when it is not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "file"
        run(["mcopy", "-n", "-i", _at(device, offset), f"::/{name}", copied], env=TIME_ZONE)
        return copied.read_bytes()


def put(device: Path, folder: str, files: list[Path], *, offset: int = 0) -> None:
    """Copy files into a folder of the FAT file system at `offset`, which is made if it is not there.

    Raises: ImageError when there is no FAT, or no room.
    """
    at = _at(device, offset)
    if f"/{folder}/".lower() not in listing(device, offset=offset):
        run(["mmd", "-i", at, f"::/{folder}"], env=TIME_ZONE)
    run(["mcopy", "-o", "-i", at, *files, f"::/{folder}/"], env=TIME_ZONE)


def listing(device: Path, *, offset: int = 0) -> list[str]:
    """Every path of the FAT file system at `offset`, in small letters; folders end in a slash."""
    try:
        said = run(["mdir", "-i", _at(device, offset), "-/", "-b", "::/"], env=TIME_ZONE)
    except ImageError as error:
        if NOTHING_THERE in str(error):
            return []
        raise
    return [line.removeprefix("::").lower() for line in said.splitlines() if line]


def extract(device: Path, into: Path, *, offset: int = 0) -> None:
    """Copy the whole FAT file system at `offset` into a folder."""
    run(["mcopy", "-s", "-n", "-i", _at(device, offset), "::/*", into], env=TIME_ZONE)


def _at(device: Path, offset: int) -> str:
    return f"{device}@@{offset}" if offset else str(device)
