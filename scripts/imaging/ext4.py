"""An ext4 file system whose every byte follows from what is in it: built twice it is twice the same.

mke2fs takes the owner, mode and content of files from a folder, and with them the time that each was unpacked
here, which the file system is then told to forget.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.imaging.layout import MIB
from scripts.imaging.tools import as_owner, run

FREE, LEAST_FREE = 0.15, 0.03
"""How much of a root file system stays free, and how much at least: nothing is ever added to it."""
FREE_INODES = re.compile(r"^  Free inodes: (.*)$", re.MULTILINE)
INODE_COUNT = re.compile(r"^Inode count: +(\d+)$", re.MULTILINE)
TIMES = ("atime", "ctime", "crtime")
FIRST_INODE = re.compile(r"^First inode: +(\d+)$", re.MULTILINE)

UNPACK = """set -e
mkdir "$1/tree"
into=$1 tar=$2
shift 2
tar -C "$into/tree" --delay-directory-restore --numeric-owner --xattrs --xattrs-include='*' \\
    --exclude-from="$into/left-out" -xf "$tar"
exec "$@"
"""


def from_tar(
    tar: Path,
    image: Path,
    *,
    label: str,
    uuid: str,
    size: int,
    epoch: int,
    scratch: Path,
    log: Path,
    without: Sequence[str] = (),
    journal: bool = False,
) -> None:
    """Make `image` an ext4 file system of `size` bytes with what `tar` holds `without` these patterns.

    What is only ever mounted read-only needs no `journal`.

    Raises: ImageError when it does not fit.
    """
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="tree-") as folder:
        Path(folder, "left-out").write_text("".join(f"{pattern}\n" for pattern in without))
        make: list[str | Path] = [
            *("mke2fs", "-q", "-t", "ext4", "-F", "-m", "0", "-L", label, "-U", uuid, "-b", "4096"),
            *("-E", f"hash_seed={uuid},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"),
            *(("-J", "size=16") if journal else ("-O", "^has_journal")),
            *("-d", f"{folder}/tree", image),
        ]
        unpack = ["sh", "-c", UNPACK, "unpack", folder, tar, *make]
        run(
            as_owner(*unpack),
            env={"E2FSPROGS_FAKE_TIME": str(epoch), "SOURCE_DATE_EPOCH": str(epoch)},
            log=log,
        )
    _forget_times(image, epoch, scratch)


def _forget_times(image: Path, epoch: int, scratch: Path) -> None:
    """Date every inode's changes `epoch`; a file's own modification time stays when it is older."""
    described = run(["dumpe2fs", image])
    script = scratch / "times.debugfs"
    with script.open("w", encoding="ascii") as file:
        for inode in used_inodes(described):
            for name in TIMES:
                file.write(f"sif <{inode}> {name} @{epoch}\n")
    run(["debugfs", "-w", "-f", script, image], env={"E2FSPROGS_FAKE_TIME": str(epoch)})
    script.unlink()


def used_inodes(described: str) -> Iterator[int]:
    """The numbers of all files' inodes, from what dumpe2fs(8) says: the root, and all that are not free."""
    free: set[int] = set()
    for line in FREE_INODES.findall(described):
        for span in filter(None, line.split(", ")):
            first, _, last = span.partition("-")
            free.update(range(int(first), int(last or first) + 1))
    count, first_inode = (int(_found(pattern, described)) for pattern in (INODE_COUNT, FIRST_INODE))
    yield 2
    yield from (number for number in range(first_inode, count + 1) if number not in free)


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    assert match is not None, pattern.pattern
    return match[1]


def size_for(content_bytes: int, free: float = FREE) -> int:
    """How large a file system has to be for so much content, in whole MiB."""
    wanted = int(content_bytes / (1 - free)) + 96 * MIB
    return -(-wanted // MIB) * MIB
