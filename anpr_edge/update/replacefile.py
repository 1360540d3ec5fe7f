"""The update's own files: one is replaced in one step, or the update says what kept it from that."""

from __future__ import annotations

from pathlib import Path

from anpr_edge.durable import PUBLIC, replace_whole
from anpr_edge.errors import UpdateError, reason


def replace_file(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Let `path` hold `content`: after a power cut it holds this or what it held before, whole.

    Raises: UpdateError when the folder does not take it; the old content stays then.
    """
    draft = path.with_name(f"{path.stem}.new")  # 8.3 names: on a FAT partition each is one directory entry
    try:
        replace_whole(path, content, mode, draft=draft)
    except OSError as error:
        raise UpdateError(
            f"{path}: cannot be written: {reason(error)}", hint="look at the disk's room, and run it as root"
        ) from None
