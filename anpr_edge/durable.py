"""Files that a power cut leaves as they were or as they are to be, and files that are to leave no trace."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PUBLIC, PRIVATE = 0o644, 0o600
CHUNK_BYTES = 1 << 20
WIPED = ".wiped"
"""How the name of a file ends that is being wiped: it is nothing any more."""


def write_whole(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Replace a file in one step and see it to the disk; its folder is made when it is missing.

    Writers of one file have to take turns.

    Raises: OSError, which names the file: it is whole, and unless only the folder's sync failed, as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        error.filename = str(path)
        raise
    replace_whole(path, content, mode)


def replace_whole(
    path: Path,
    content: bytes,
    mode: int = PUBLIC,
    *,
    draft: Path | None = None,
    owner: tuple[int, int] | None = None,
) -> None:
    """As `write_whole`, in a folder that is there; `draft` is what it is called until it is whole.

    Raises: OSError, as `write_whole`.
    """
    draft = draft or path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        write_new(draft, content, mode, owner=owner)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        error.filename = str(path)
        raise


def replace_like(path: Path, content: bytes, like: os.stat_result) -> None:
    """As `replace_whole`, readable by whom another file is: with its mode and, as root, its owner.

    Raises: OSError, which names the file; it is as it was then.
    """
    owner = (like.st_uid, like.st_gid) if os.geteuid() == 0 else None
    replace_whole(path, content, like.st_mode & 0o777, owner=owner)


def write_new(
    path: Path,
    content: bytes,
    mode: int = PUBLIC,
    *,
    sync: bool = True,
    owner: tuple[int, int] | None = None,
) -> None:
    """Write a file that is not there yet, with just this mode; `sync` sees its content to the disk.

    `owner` is the user's and group's number, whoever runs this when it is not given.

    Raises: OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        if owner is not None:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """See to the disk which files a folder has. Raises: OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def wipe(path: Path) -> bool:
    """Overwrite a file and remove it; False when it was not there. It loses its name first, in one step.

    A card may keep the old bytes in cells it no longer shows: this is what a file system can do, no more.

    Raises: OSError.
    """
    doomed = path.with_name(f"{path.name}{WIPED}")
    try:
        path.rename(doomed)
    except FileNotFoundError:
        return False
    _overwrite(doomed)
    return True


def finish_wiping(folder: Path) -> int:
    """Wipe what a power cut has left half wiped; returns how many files that were. Raises: OSError."""
    left = sorted(folder.glob(f"*{WIPED}"))
    for path in left:
        _overwrite(path)
    return len(left)


def _overwrite(path: Path) -> None:
    if path.is_file() and not path.is_symlink():
        with path.open("r+b") as file:
            left = path.stat().st_size
            while left > 0:
                left -= file.write(bytes(min(left, CHUNK_BYTES)))
            file.flush()
            os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)
