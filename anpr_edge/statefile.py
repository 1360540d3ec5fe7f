"""What a service says of itself each second: one small JSON file, for `status` and `doctor`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anpr_edge.errors import AnprError

STATE_SCHEMA = 1
"""Version of the state files' layout, their key `schema`."""

STATE_MODE = 0o644

FRESH_S = 5.0
"""A service writes its state each second; it is taken for gone when five are missing."""

START_S = 60.0
"""It writes once that it is starting, and then nothing until its models are loaded and its camera is open:
it has as long as systemd gives it (TimeoutStartSec=)."""

ENDED = frozenset({"finished", "stopped", "failed"})
"""The last word of a service: its source came to its end, it was told to stop, something broke."""


class StateFile:
    """A process's state for `status` and `doctor`: one small JSON file, replaced whole.

    It holds no secret and no plate and lives in memory-backed `/run`, so it is readable by all and never
    synced. A state that cannot be written is counted in `failures`; the service goes on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failures = 0
        self._draft = path.with_name(f".{path.name}.new")

    def write(self, state: Mapping[str, Any]) -> bool:
        """Replace the file with `state`; False when the system would not let us."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, STATE_MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(descriptor, STATE_MODE)
                json.dump(state, file, separators=(",", ":"))
            self._draft.replace(self.path)
        except OSError:
            self.failures += 1
            return False
        return True

    def amend(self, changes: Mapping[str, Any]) -> bool:
        """Replace the file with what it says now and `changes` over it; with these alone if it is none."""
        try:
            before = read_state(self.path) or {}
        except AnprError:
            before = {}
        return self.write({**before, **changes})


def read_state(path: Path) -> dict[str, Any] | None:
    """What a process last said of itself; None when it never did.

    Raises: AnprError when the file cannot be read or is not a state file.
    """
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AnprError(f"{path}: cannot read the state: {error.strerror}") from error
    except ValueError as error:
        raise AnprError(f"{path}: not a state file: {error}") from error
    if not isinstance(state, dict) or state.get("schema") != STATE_SCHEMA:
        raise AnprError(f"{path}: not a state file of version {STATE_SCHEMA}")
    return state


def is_fresh(state: Mapping[str, Any], mono_s: float) -> bool:
    """True when the process that wrote `state` still runs, as far as its age by CLOCK_MONOTONIC tells.

    An age below nothing is from before the last boot.
    """
    age_s = mono_s - float(state.get("mono_s", math.inf))
    limit_s = START_S if state.get("state") == "starting" else FRESH_S
    return state.get("state") not in ENDED and 0 <= age_s <= limit_s
