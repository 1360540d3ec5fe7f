"""The reader makes room for the page, and comes back whatever happens to the page.

Both need the camera, and a camera serves one. Before the reader is stopped, systemd is given a guard: a
process that waits for the page's own lock and then starts the reader again. The kernel releases that lock
when the page ends, killed or not, and the guard outlives the terminal. The camera never has two users: the
page holds the reader's lock while it has the camera.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from anpr_edge.errors import AnprError

log = logging.getLogger(__name__)

UNIT: Final = "anpr-edge-reader.service"
BOOTED: Final = Path("/run/systemd/system")
"""Source: sd_booted(3)."""
AT_WORK: Final = frozenset({"active", "activating", "reloading"})
STOP_WITHIN_S: Final = 60.0
"""More than the unit's own TimeoutStopSec=."""
GUARD: Final = 'flock "$0" true; exec systemctl start "$1"'
"""Waits without any work until the lock is free."""


def reader_runs() -> bool:
    """Whether systemd runs this machine, and the reader on it."""
    if not BOOTED.is_dir() or shutil.which("systemctl") is None:
        return False
    return _systemctl("is-active", UNIT).stdout.strip() in AT_WORK


@contextmanager
def reader_paused(page_lock: Path) -> Iterator[bool]:
    """Keep the reader stopped while the block runs, if systemd runs it now; whether it did.

    `page_lock` must be held by this process until after the block.

    Raises: AnprError when it cannot be stopped, or nobody could be found who starts it again.
    """
    if not reader_runs():
        yield False
        return
    _post_guard(page_lock)
    try:
        stopped = _systemctl("stop", UNIT)
        if stopped.returncode != 0:
            raise AnprError(f"the reader cannot be stopped: {_last(stopped.stderr)}", hint=_AS_ROOT)
        yield True
    finally:
        started = _systemctl("start", "--no-block", UNIT)
        if started.returncode != 0:
            log.error("%s: %s; the guard tries it once more", UNIT, _last(started.stderr))


_AS_ROOT = "run it as root: sudo anpr-edge aim"


def _post_guard(page_lock: Path) -> None:
    name = f"anpr-edge-aim-guard-{os.getpid()}"
    command = ["systemd-run", "--no-ask-password", "--quiet", "--collect", f"--unit={name}"]
    command += ["--description=starts the anpr-edge reader again after the aim page"]
    try:
        done = subprocess.run(
            [*command, "/bin/sh", "-c", GUARD, str(page_lock), UNIT],
            capture_output=True,
            text=True,
            check=False,
        )
        why = _last(done.stderr) if done.returncode != 0 else ""
    except OSError as error:
        why = f"systemd-run: {error.strerror}"
    if why:
        raise AnprError(f"the reader is not stopped: nobody would start it again: {why}", hint=_AS_ROOT)


def _systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemctl", "--no-ask-password", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=STOP_WITHIN_S,
    )


def _last(text: str) -> str:
    return next((line for line in reversed(text.strip().splitlines())), "no word")
