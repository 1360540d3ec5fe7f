"""One reader and one uplink a unit: a second one of a kind is refused."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anpr_edge.errors import AnprError

LOCK_MODE = 0o660
"""A person may run a service as root where systemd runs it as a user of the group: both open the lock."""


@contextmanager
def alone(state_dir: Path, process: str) -> Iterator[None]:
    """Be the only `process` of the unit that keeps its state in `state_dir`, while the block runs.

    The kernel releases the lock when the process ends, in whatever way; the file itself stays.

    Raises: AnprError when one runs already, or there is no place for the lock.
    """
    path = state_dir / f"{process}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_MODE)
    except OSError as error:
        hint = "anpr-edge init makes the unit's state folder; the services' users must be able to write there"
        raise AnprError(f"{path}: cannot lock: {error.strerror}", hint=hint) from error
    try:
        _lock(descriptor, path, process)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, process: str) -> None:
    """Take the lock and leave our number in the file, for the next one to name."""
    if os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, LOCK_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.read(descriptor, 20).decode("ascii", "replace").strip()
        raise AnprError(
            f"this unit's {process} runs already, as process {other or 'unknown'} ({path} is locked)",
            hint=f"end that one first: systemctl stop anpr-edge-{process}" + (other and f", or kill {other}"),
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
