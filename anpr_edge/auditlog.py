"""The unit's public trace: what was decided about its feeds, each entry chained to the one before.

One JSON object a line. `previous` is the SHA-256 of the line before, without its line end, and 64 zeros in
the first: whoever changes, removes or inserts a line breaks the chain after it. That lines are missing at
the end shows against a hash noted elsewhere; the uplink publishes the last one (docs/policy.md).

It holds no plate and no other personal data.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anpr_edge.errors import AnprError

NO_ENTRY = "0" * 64
"""The hash that the first entry follows."""

AUDIT_MODE = 0o660
AUDIT_FILE = "audit.log"
LOCK_FILE = "policy.lock"
LIST_TAKEN = "list-taken"
"""A list of vehicles came, or a change to one: its name, revision, length and end."""
TAMPER_CLEARED = "tamper-cleared"
"""Somebody made the lamp board forget that the housing was opened or the head moved."""

COMMAND_TAKEN = "command-taken"
"""A verified command, entered before it is acted on: its name, number, arguments, and by which service."""
COMMAND_FAILED = "command-failed"
"""It could not be done, and why."""
COMMAND_REFUSED = "command-refused"
"""A command was not acted on: the kind of refusal, and why; `unlisted` counts those not entered before it."""

PROVISIONED = "provisioned"
"""A bundle was taken: whose, its SHA-256, when it was made, and why its key is believed."""
PROVISION_REFUSED = "provision-refused"
"""What lay on the card was not taken, and why."""
ENROLLED = "enrolled"
"""A certificate was taken: its serial number and its end."""
RETIRED = "retired"
"""The unit's keys and data are about to be destroyed: the last entry there is."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A log as read: its entries, the hash of the last line, and what is wrong with it, or nothing."""

    entries: tuple[Mapping[str, Any], ...]
    head: str
    trouble: str


def append(path: Path, utc_ns: int, event: str, details: Mapping[str, Any]) -> None:
    """Add one entry and see it to the disk. The caller keeps other writers out, by `in_turn`.

    A last line without its end was never finished, and gives way.

    Raises: AnprError when it cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, AUDIT_MODE), "r+b") as file:
            if os.fstat(file.fileno()).st_uid == os.geteuid():
                os.fchmod(file.fileno(), AUDIT_MODE)
            whole, _ = _split(file.read())
            when = datetime.fromtimestamp(utc_ns / 1e9, UTC).isoformat(timespec="seconds")
            entry = {"utc": when, "event": event, **details, "previous": _head(whole)}
            file.seek(sum(len(line) + 1 for line in whole))
            file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AnprError(
            f"{path}: the audit log cannot be written: {error.strerror}",
            hint="look at the disk's room, and the file's owner and mode",
        ) from None


@contextmanager
def in_turn(state_dir: Path) -> Iterator[None]:
    """Keep the unit's other writers of log and policy out while the block runs.

    Raises: AnprError when there is no place for the lock.
    """
    path = state_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, AUDIT_MODE)
    except OSError as error:
        raise AnprError(f"{path}: {error.strerror}", hint="the state folder must take writes") from None
    with os.fdopen(descriptor, "w") as file:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, AUDIT_MODE)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_audit(path: Path) -> Audit:
    """The log and whether its chain holds; a log that is not there is empty.

    Raises: AnprError when it is there and cannot be read.
    """
    try:
        whole, rest = _split(path.read_bytes())
    except FileNotFoundError:
        whole, rest = [], b""
    except OSError as error:
        raise AnprError(f"{path}: {error.strerror}", hint="run it as root") from None
    entries: list[Mapping[str, Any]] = []
    previous = NO_ENTRY
    for number, line in enumerate(whole, start=1):
        entry = _entry(line)
        if entry is None:
            return Audit(tuple(entries), previous, f"line {number} is no entry")
        if entry["previous"] != previous:
            return Audit(tuple(entries), previous, f"line {number} does not follow the line before it")
        entries.append(entry)
        previous = hashlib.sha256(line).hexdigest()
    return Audit(tuple(entries), previous, "the last line is cut short" if rest else "")


def _split(content: bytes) -> tuple[list[bytes], bytes]:
    """The finished lines, and what follows after the last line end."""
    *whole, rest = content.split(b"\n")
    return whole, rest


def _head(whole: list[bytes]) -> str:
    return hashlib.sha256(whole[-1]).hexdigest() if whole else NO_ENTRY


def _entry(line: bytes) -> Mapping[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    keys = ("utc", "event", "previous")
    return entry if isinstance(entry, dict) and all(isinstance(entry.get(k), str) for k in keys) else None
