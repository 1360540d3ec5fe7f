"""Files of the fleet folder change whole or not at all: written beside, seen to the disk, renamed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from anpr_edge.durable import PUBLIC, sync_folder, write_new
from anpr_edge.errors import KeyFileError, UsageError, reason

DRAFTS = ".*.new"
"""What drafts are called, for .gitignore: one that was cut off leaves some, and harms nothing."""

MANY = 32
"""So many files are seen to the disk all at once: one by one 1,500 take a busy disk 15 s."""


def write_all(files: Mapping[Path, bytes], mode: int = PUBLIC) -> None:
    """Give each file its new content; a full disk or a missing right changes none of them.

    What the folder holds is no secret: private keys lie apart from it.

    Raises: KeyFileError naming the file that could not be written.
    """
    drafts = {path: path.with_name(f".{path.name}.new") for path in files}
    many = len(files) > MANY
    try:
        for path, content in files.items():
            _write_draft(drafts[path], content, mode, sync=not many)
        if many:
            os.sync()
        for path, draft in drafts.items():
            draft.replace(path)
        for folder in {path.parent for path in files}:
            sync_folder(folder)
    except OSError as error:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        raise KeyFileError(
            f"{error.filename}: {reason(error)}", hint="the folder must take writes, and have room"
        ) from error


def _write_draft(draft: Path, content: bytes, mode: int, *, sync: bool) -> None:
    draft.unlink(missing_ok=True)
    try:
        write_new(draft, content, mode, sync=sync)
    except OSError as error:
        error.filename = str(draft)
        raise


def read_given(path: Path, most_bytes: int, what: str) -> bytes:
    """A file that somebody gives, of at most so many bytes; `what` it should be, for the message.

    Raises: UsageError when it cannot be read, or is longer.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise UsageError(f"{path}: {reason(error)}") from error
    if len(content) > most_bytes:
        raise UsageError(f"{path}: more than {most_bytes} bytes, no {what}")
    return content


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """While the block runs nobody else is in one for the same file.

    Raises: UsageError when somebody is, KeyFileError when the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileError(f"{path}: {reason(error)}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise UsageError(
            f"{path}: another anpr-fleet is changing this fleet", hint="wait until it has ended"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)
