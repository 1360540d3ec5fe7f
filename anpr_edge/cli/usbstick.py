"""A USB stick that somebody has put in, for as long as a block runs: mounted, written, given back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import AnprError

MOUNT_POINT: Final = Path("/run/anpr-edge-stick")
KINDS: Final = frozenset({"vfat", "exfat"})
"""What sticks are sold with; a stick with anything else may be somebody's system."""
OPTIONS: Final = "nosuid,nodev,noexec"
LOOK: Final = ("lsblk", "--json", "--paths", "--output", "PATH,TRAN,FSTYPE,MOUNTPOINT")


@contextmanager
def stick(mount_point: Path = MOUNT_POINT) -> Iterator[Path]:
    """The stick's folder; everything is on the stick when the block is left.

    Raises: AnprError when there is none, or it cannot be mounted or written to the end.
    """
    device = choose(json.loads(_run(*LOOK))["blockdevices"])
    mount_point.mkdir(mode=0o700, exist_ok=True)
    _run("mount", "-o", OPTIONS, device, str(mount_point))
    try:
        yield mount_point
    finally:
        _run("umount", str(mount_point))


def choose(disks: Sequence[Mapping[str, Any]]) -> str:
    """The one file system on a USB disk of which nothing is in use, from what lsblk tells.

    Raises: AnprError when there is none, or more than one.
    """
    usb = [[disk, *disk.get("children", ())] for disk in disks if disk.get("tran") == "usb"]
    unused = [parts for parts in usb if not any(part.get("mountpoint") for part in parts)]
    found = [str(part["path"]) for parts in unused for part in parts if part.get("fstype") in KINDS]
    if not found:
        raise AnprError(
            "there is no USB stick", hint="put one in, formatted as FAT32 or exFAT, and choose again"
        )
    if len(found) > 1:
        raise AnprError(f"there is more than one: {', '.join(found)}", hint="leave one in")
    return found[0]


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise AnprError(f"{command[0]}: {error.stderr.strip() or 'it failed'}") from error
    except OSError as error:
        raise AnprError(f"{command[0]}: {error.strerror}") from error
