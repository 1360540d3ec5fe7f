"""The fleet's command key: who holds it can drain, pause and restart units, and nothing else."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from anpr_edge.errors import KeyFileError
from anpr_edge.fleet.authority import make_folder
from anpr_edge.seal.keys import SigningKey, VerifyKey

COMMAND_KEY = "command.pem"
COMMAND_PUBLIC = "command.pub"
NUMBER_FILE = "command.number"


def make_command_key(directory: Path) -> VerifyKey:
    """Make a new command key in a folder; its public half goes beside it, for units.

    Raises: KeyFileError when there is one already.
    """
    make_folder(directory)
    key = SigningKey.generate()
    key.save(directory / COMMAND_KEY)
    (directory / COMMAND_PUBLIC).write_text(f"{key.public.text}\n", encoding="ascii")
    return key.public


def next_number(directory: Path, utc_s: int) -> int:
    """The next command's number, remembered before it is used.

    It is above every earlier one, and the second of UTC at least: so a counter that is lost, or kept at two
    places, does not make units refuse what comes next.

    Raises: KeyFileError when it cannot be remembered.
    """
    path = directory / NUMBER_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            last = file.read().strip()
            number = max(int(last) + 1 if last.isdigit() else 1, utc_s)
            file.seek(0)
            file.write(f"{number}\n")
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", hint="the key's folder must take writes") from None
    return number
