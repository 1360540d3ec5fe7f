"""Cuts the power of a program of ours at its n-th change of the disk, and takes away what was not yet synced.

The program runs in a forked child whose audit hook (PEP 578) counts what changes files: opening for writing,
renaming, removing, making a folder. At the n-th the child ends at once, before it is done. What then is left
is what a kill leaves; a power cut may also lose what no fsync has covered. So the child notes what it has
synced, and every file that was written and not synced is emptied afterwards, the worst that ext4 does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CUT = 99
CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.truncate", "os.chmod", "os.rmdir"})


def run_until_cut(at: int, program: Callable[[], int], root: Path) -> bool:
    """Run `program` and cut it at its `at`-th change; returns whether it came to an end before that."""
    before = {path: _stamp(path) for path in root.rglob("*") if path.is_file()}
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_cut(at, program, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as synced:
        covered = {int(line) for line in synced.read().split()}
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, CUT), code
    if code == CUT:
        for path in root.rglob("*"):
            is_new = path.is_file() and before.get(path) != _stamp(path)
            if is_new and path.stat().st_ino not in covered:
                os.truncate(path, 0)
    return code == 0


def _stamp(path: Path) -> tuple[int, int, int]:
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size


def _be_cut(at: int, program: Callable[[], int], writer: int) -> None:
    """Never returns. A file is safe from the moment when its sync was asked for."""
    left = at

    def sync(file: Any) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        os.write(writer, b"%d\n" % os.fstat(descriptor).st_ino)

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in CHANGES or (event == "open" and _writes(arguments)):
            left -= 1
            if left == 0:
                os._exit(CUT)

    os.fsync = sync  # type: ignore[assignment]
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    sys.addaudithook(count)
    os._exit(program())


def _writes(arguments: tuple[Any, ...]) -> bool:
    path, _, flags = arguments
    wanted = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    return isinstance(path, str | os.PathLike) and isinstance(flags, int) and bool(flags & wanted)
