"""Is there room for the outbox, on a disk that takes writes?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, not_checked, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.outbox.aside import beside

SPARE_BYTES = 64_000_000
"""Less than this is left for the system itself, and everything on the unit begins to fail."""

DISK_WRITABLE = Condition(
    code="disk-writable",
    title="The state folder takes writes",
    severity=Severity.READS,
    explanation=(
        "A worn SD card turns read-only, and a file system with errors is mounted so at boot. The reader "
        "then cannot keep a single read."
    ),
    depends_on=("config",),
    next_step="dmesg: does the card report errors? then replace it",
)
DISK_SPACE = Condition(
    code="disk-space",
    title="There is room for the outbox to grow to its limit",
    severity=Severity.READS,
    explanation=(
        "While the broker cannot be reached the outbox grows, up to outbox.max_megabytes. Without room for "
        "that, reads are lost earlier than configured. The outbox keeps some room back in a file of its own: "
        "on a full disk it can still drop delivered reads, then the oldest, and keep new ones."
    ),
    depends_on=("config",),
    next_step="make room on the disk that holds the outbox, lower outbox.max_megabytes, or use a larger disk",
)


def run(subject: Subject) -> Iterator[Finding]:
    """A file is written and removed; then the free space is held against what the outbox may need."""
    yield _writable(subject.config.unit.state_dir)
    yield _space(subject)


def _writable(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"anpr-edge doctor")
            file.flush()
            os.fsync(file.fileno())
    except PermissionError:
        step = "run it as root: sudo anpr-edge doctor"
        return not_checked(DISK_WRITABLE, f"{folder}: this user may not write there", next_step=step)
    except FileNotFoundError:
        return fail(DISK_WRITABLE, f"{folder}: no such folder", next_step="anpr-edge init makes it")
    except OSError as error:
        step = "dmesg: does the card report errors? then replace it"
        return fail(DISK_WRITABLE, f"{folder}: {error.strerror}", next_step=step)
    return ok(DISK_WRITABLE, str(folder))


def _space(subject: Subject) -> Finding:
    outbox = subject.config.outbox
    try:
        used = outbox.path.stat().st_size if outbox.path.exists() else 0
        system = os.statvfs(outbox.path.parent)
    except OSError as error:
        step = "anpr-edge init makes the folder; sudo, when it is there"
        return not_checked(DISK_SPACE, f"{outbox.path.parent}: {error.strerror}", next_step=step)
    free = system.f_bavail * system.f_frsize
    wanted = max(0, outbox.max_megabytes * 1_000_000 - used) + SPARE_BYTES
    shrunk = outbox.path.exists() and not beside(outbox.path, "reserve").exists()
    measured, limit = f"{free / 1e6:.0f} MB free", f"at least {wanted / 1e6:.0f} MB"
    if shrunk and free < wanted:
        step = (
            f"make room on the disk that holds {outbox.path.parent}: reads are given up for room until then"
        )
        return fail(
            DISK_SPACE, f"{measured}, the outbox's room kept back is used up", limit=limit, next_step=step
        )
    if free < SPARE_BYTES:
        step = f"make room on the disk that holds {outbox.path.parent}"
        return fail(DISK_SPACE, measured, limit=limit, next_step=step)
    if free < wanted:
        step = "lower outbox.max_megabytes, or use a larger disk"
        return warn(DISK_SPACE, measured, limit=limit, next_step=step)
    return ok(DISK_SPACE, measured, limit)


CHECK = Check("disk", (DISK_WRITABLE, DISK_SPACE), run)
