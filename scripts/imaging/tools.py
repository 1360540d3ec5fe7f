"""Programs of the system that images are made with, and what to install where one is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from anpr_edge.errors import ImageError

PACKAGES: Mapping[str, str] = {
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",
    "qemu-aarch64-static": "qemu-user-static",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-img": "qemu-utils",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "dumpe2fs": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "mdir": "mtools",
    "mmd": "mtools",
    "mdel": "mtools",
    "sfdisk": "fdisk",
    "bmaptool": "bmap-tools",
    "fakeroot": "fakeroot",
    "dtc": "device-tree-compiler",
    "fuse2fs": "fuse2fs",
    "fusermount3": "fuse3",
}
"""Which Debian package brings a program."""

SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def find(program: str) -> str:
    """Where a program is.

    Raises: ImageError, with the package to install, when it is nowhere.
    """
    found = shutil.which(program, path=SEARCHED)
    if found is None:
        raise ImageError(
            f"{program} is not installed", hint=f"sudo apt-get install {PACKAGES.get(program, program)}"
        )
    return found


def missing(*programs: str) -> list[str]:
    """The Debian packages, once each, of those programs that are not installed."""
    absent = [program for program in programs if shutil.which(program, path=SEARCHED) is None]
    return sorted({PACKAGES.get(program, program) for program in absent})


def run(
    command: Sequence[str | Path],
    *,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> str:
    """Run a program to its end and return what it printed; with a `log`, all it says goes there instead.

    Raises: ImageError with the end of what it said when it fails.
    """
    words = [find(str(command[0])), *map(str, command[1:])]
    with log.open("a+", encoding="utf-8", errors="replace") if log else TemporaryFile("w+") as said:
        said.write(f"$ {' '.join(words)}\n" if log else "")
        said.flush()
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=said if log else subprocess.PIPE,
            stderr=said,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            check=False,
        )
        if done.returncode != 0:
            said.seek(0)
            end = "\n".join(said.read().strip().splitlines()[-12:]) or (done.stdout or "").strip()
            where = f"the whole of it is in {log}" if log else ""
            raise ImageError(f"{command[0]} failed with {done.returncode}: {end}", hint=where)
    return done.stdout or ""


def as_owner(*command: str | Path) -> list[str | Path]:
    """The command as one that may give files any owner: by right for root, else by fakeroot's pretence."""
    return list(command) if os.geteuid() == 0 else ["fakeroot", "--", *command]


def megabytes(count: float) -> str:
    """A number of bytes for people, in MB of 10^6 bytes."""
    return f"{count / 1e6:,.0f} MB"
