"""The system to start from, out of a Raspberry Pi OS image: read where it lies, without loop devices or root.

Such an image has two partitions: FAT with the boot files, ext4 with the root file system. The first is read
with mtools, the second with fuse2fs, both at the offset that the partition table names.
"""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging import fat
from scripts.imaging.base_check import Base, examine
from scripts.imaging.distribution import LATER, UNIT
from scripts.imaging.tools import as_owner, find, run

ALSO = (
    *("systemd-resolved", "systemd-timesyncd", "python3-picamera2", "dosfstools", "e2fsprogs"),
    "ca-certificates",
)
"""What a unit needs beside UNIT and such an image may lack."""
REPLACED = {
    *("config.txt", "cmdline.txt", "autoboot.txt", "tryboot.txt", "issue.txt", "firstrun.sh", "custom.toml"),
    *("userconf", "userconf.txt", "ssh", "ssh.txt", "wpa_supplicant.conf", "user-data", "meta-data"),
    "network-config",
}
"""Boot files that ours stand for, and those that would give the unit a user, a network or a way in."""

DEVICES = {
    **{"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)},
    **{"tty": (5, 0), "console": (5, 1), "ptmx": (5, 2)},
}
"""What programs count on while a unit is made; later the kernel makes them. Source: "devices.txt"."""
READ = """set -e
mkdir "$1/mnt"
fuse2fs -o "ro,fakeroot,offset=$3" "$2" "$1/mnt" >&2
trap 'fusermount3 -u "$1/mnt"' EXIT
tar -C "$1/mnt" --numeric-owner --xattrs --xattrs-include='*' --sort=name \\
    --exclude=./dev/* --exclude=./lost+found -cf "$4" .
"""


def packages(suite: str) -> tuple[str, ...]:
    """What has to be installed in such an image unless it is there, from the sources that it names itself."""
    return (*UNIT, *LATER.get(suite, ()), *ALSO)


def expect(image: Path, suite: str) -> Base:
    """Where the image's partitions are.

    Raises: ImageError when it cannot be used, or is of another release than `suite`.
    """
    found = examine(image)
    if found.suite != suite:
        raise ImageError(
            f"{image} is Debian {found.suite}, not {suite}", hint=f"--suite {found.suite}, or none at all"
        )
    return found


def unpack(image: Path, at: Base, plain: Path, scratch: Path, log: Path) -> dict[str, bytes]:
    """Write the image's root file system to the tar file `plain`; returns its boot files by name.

    Raises: ImageError when either partition cannot be read.
    """
    for program in ("fuse2fs", "fusermount3"):
        find(program)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="base-") as folder:
        run(as_owner("sh", "-c", READ, "read", folder, image, str(at.root), plain), log=log)
        _add_devices(plain)
        boot = Path(folder) / "boot"
        boot.mkdir()
        fat.extract(image, boot, offset=at.boot)
        return {
            str(path.relative_to(boot)): path.read_bytes()
            for path in sorted(boot.rglob("*"))
            if path.is_file() and path.relative_to(boot).as_posix().lower() not in REPLACED
        }


def _add_devices(plain: Path) -> None:
    with tarfile.open(plain, "a") as tar:
        for name in ("pts", "shm"):
            folder = tarfile.TarInfo(f"./dev/{name}")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        for name, (major, minor) in DEVICES.items():
            node = tarfile.TarInfo(f"./dev/{name}")
            node.type, node.mode, node.devmajor, node.devminor = tarfile.CHRTYPE, 0o666, major, minor
            tar.addfile(node)
        for name, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
            link = tarfile.TarInfo(f"./dev/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, f"/proc/self/{target}"
            tar.addfile(link)
