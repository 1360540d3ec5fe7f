"""Files that are whole after a power cut: written beside, seen to the disk, then put in place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from anpr_edge.durable import PUBLIC, sync_folder, write_new
from anpr_edge.errors import UpdateError


def replace_file(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Let `path` hold `content`: after a power cut it holds this or what it held before, whole.

    Raises: UpdateError when the folder does not take it; the old content stays then.
    """
    draft = path.with_name(f"{path.stem}.new")  # 8.3 names: on a FAT partition each is one directory entry
    try:
        draft.unlink(missing_ok=True)
        write_new(draft, content, mode)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise UpdateError(
            f"{path}: cannot be written: {error.strerror}", hint="look at the disk's room, and run it as root"
        ) from None
