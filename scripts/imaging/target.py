"""What is about to be overwritten: a card, a disk, or a file in a card's place; and why it must not be.

Source: sysfs, Documentation/ABI/testing/sysfs-block; proc_pid_mountinfo(5).
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging.tools import megabytes

BLKGETSIZE64, BLKROGET = 0x80081272, 0x125E
"""Source: linux/fs.h."""
SYSTEM = ("/", "/boot", "/boot/efi", "/boot/firmware", "/usr", "/var", "/home", "/data")
"""What is mounted there belongs to the machine that runs."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a machine tells of its disks."""

    sys: Path = Path("/sys")
    mountinfo: Path = Path("/proc/self/mountinfo")
    swaps: Path = Path("/proc/swaps")


@dataclass(frozen=True, slots=True)
class Target:
    """Something that an image may be written to."""

    path: Path
    size: int
    block: bool
    what: str

    def __str__(self) -> str:
        return f"{self.path} ({self.what}, {megabytes(self.size)})"


def examine(path: Path, image_bytes: int, machine: Machine | None = None) -> Target:
    """Make sure that an image of so many bytes may be written to `path`.

    Raises: ImageError when it is none, in use, a part of a disk, the machine's own, read-only or too small.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ImageError(
            f"{path}: {error.strerror}",
            hint="lsblk lists the disks that are there, before and after plugging in",
        ) from error
    if stat.S_ISREG(status.st_mode):
        target = Target(path, status.st_size, False, "a file")
    elif stat.S_ISBLK(status.st_mode):
        target = _disk(path, status.st_rdev, machine or Machine())
    else:
        raise ImageError(
            f"{path} is neither a disk nor a file", hint="name a disk, such as /dev/sdb or /dev/mmcblk0"
        )
    if target.size < image_bytes:
        raise ImageError(
            f"{target} is too small: the image has {megabytes(image_bytes)}", hint="take a larger card"
        )
    return target


def _disk(path: Path, device: int, machine: Machine) -> Target:
    number = f"{os.major(device)}:{os.minor(device)}"
    entry = (machine.sys / "dev/block" / number).resolve()
    if not entry.exists():
        raise ImageError(
            f"{path} is a device that this machine does not have", hint="lsblk lists those it has"
        )
    if (entry / "partition").exists():
        raise ImageError(
            f"{path} is a partition, not a disk", hint=f"name the whole disk: /dev/{entry.parent.name}"
        )
    _refuse_in_use(path, entry, machine)
    size, read_only = _size(path)
    if read_only:
        raise ImageError(f"{path} is read-only", hint="slide the card's write protection to the other side")
    if size == 0:
        raise ImageError(f"{path} has no card in it", hint="put one into the reader")
    names = [(entry / f"device/{part}") for part in ("vendor", "model", "name")]
    what = " ".join(name.read_text().strip() for name in names if name.exists()) or entry.name
    return Target(path, size, True, what)


def _refuse_in_use(path: Path, entry: Path, machine: Machine) -> None:
    """Neither the disk nor a part of it is mounted, swapped to, or under another device."""
    parts = [entry, *(part.parent for part in entry.glob("*/partition"))]
    numbers = {(part / "dev").read_text().strip(): part.name for part in parts}
    for line in machine.mountinfo.read_text().splitlines():
        fields = line.split()
        source = fields[fields.index("-") + 2] if "-" in fields else ""
        name = numbers.get(fields[2]) or numbers.get(_number(source))
        place = fields[4].replace("\\040", " ")
        if name and place in SYSTEM:
            raise ImageError(
                f"{path} is this machine's own disk: /dev/{name} is mounted on {place}",
                hint="lsblk lists the disks that are there, before and after plugging in",
            )
        if name:
            raise ImageError(
                f"{path} is in use: /dev/{name} is mounted on {place}", hint=f"sudo umount {place}"
            )
    for line in machine.swaps.read_text().splitlines()[1:]:
        place = line.partition(" ")[0]
        if place.removeprefix("/dev/") in numbers.values():
            raise ImageError(f"{path} is this machine's own disk: it swaps to {place}")
    for part in parts:
        for holder in sorted((part / "holders").glob("*")):
            raise ImageError(
                f"{path} is in use: /dev/{part.name} is a part of {holder.name}", hint="lsblk shows by whom"
            )


def _number(source: str) -> str:
    """The device number of a mount's source, for file systems that have numbers of their own."""
    try:
        status = Path(source).stat() if source.startswith("/dev/") else None
    except OSError:
        return ""
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" if status else ""


def _size(path: Path) -> tuple[int, bool]:
    try:
        device = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ImageError(
            f"{path}: {error.strerror}", hint="run it with sudo, or put a card into the reader"
        ) from error
    try:
        (size,) = struct.unpack("Q", fcntl.ioctl(device, BLKGETSIZE64, bytes(8)))
        (read_only,) = struct.unpack("i", fcntl.ioctl(device, BLKROGET, bytes(4)))
    finally:
        os.close(device)
    return size, bool(read_only)
