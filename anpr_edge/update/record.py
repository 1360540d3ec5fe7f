"""What became of the last update, for status, doctor, health and whoever comes after a restart.

`<state_dir>/update/update.json`, written by root alone: {"schema": 1, "phase", "version", "from_version",
"slot", "sha256", "why", "utc", "number", "broker_before"}.

An order that came to nothing before a slot was touched is no update, and takes nothing from the record: it
is kept beside it, in the same form, as `refused.json`; by the uplink, that could not fetch it, in `incoming`.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from anpr_edge.auditlog import AUDIT_FILE, append, in_turn
from anpr_edge.errors import UpdateError
from anpr_edge.update.replacefile import replace_file

RECORD_FILE: Final = "update.json"
REFUSED_FILE: Final = "refused.json"
INCOMING: Final = "incoming"
"""The folder that the uplink may write."""

RECORD_SCHEMA: Final = 1
LONGEST_FILE_BYTES: Final = 16_384
LONGEST_WORDS: Final = 500


class Phase(StrEnum):
    """How far an update is. Values are stable: they appear in health, logs and docs."""

    INSTALLING = "installing"
    """The other slot is being written."""

    INSTALLED = "installed"
    """It is written and verified, and the next start of the right kind tries it."""

    TRYING = "trying"
    """The system was told to start it once."""

    COMMITTED = "committed"
    """It passed its gate, and is what starts from now on."""

    ROLLED_BACK = "rolled-back"
    """It was tried and is not what runs; `why` says so."""

    FAILED = "failed"
    """It never came to be tried; `why` says so."""


UNDER_WAY: Final = frozenset({Phase.INSTALLING, Phase.INSTALLED, Phase.TRYING})
AUDITED: Final = frozenset({Phase.INSTALLED, Phase.COMMITTED, Phase.ROLLED_BACK, Phase.FAILED})


@dataclass(frozen=True, slots=True)
class Record:
    """The last update. `number` is the command's that ordered it; None when somebody did by hand.

    `slot` is empty when none was touched. `broker_before` says whether the broker was reached before the
    trial; None when nobody knows.
    """

    phase: Phase
    version: str
    from_version: str
    slot: str
    sha256: str = ""
    why: str = ""
    utc: str = ""
    number: int | None = None
    broker_before: bool | None = None

    def now(self, phase: Phase, utc_ns: int, why: str = "") -> Record:
        """The same update, further on."""
        when = datetime.fromtimestamp(utc_ns / 1e9, UTC).isoformat(timespec="seconds")
        return replace(self, phase=phase, why=why, utc=when)


def read_record(folder: Path) -> Record | None:
    """The last update; None when there never was one.

    Raises: UpdateError when the file cannot be used.
    """
    path = folder / RECORD_FILE
    try:
        found: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UpdateError(f"{path}: {error}", hint="the next update writes it anew") from None
    return _record(path, found)


def read_outcome(folder: Path) -> Record | None:
    """What to tell of the last update: the one under way, else the order that was refused since, else the
    last one. None when there never was any.

    Raises: UpdateError when the record cannot be used.
    """
    last = read_record(folder)
    if last is not None and last.phase in UNDER_WAY:
        return last
    return read_refused(folder / INCOMING) or read_refused(folder) or last


def read_refused(folder: Path) -> Record | None:
    """The order that came to nothing; None when there is none, or what is there cannot be one.

    Root reads the uplink's too: only a plain file is, and what it says has no control characters here.
    """
    path = folder / REFUSED_FILE
    try:
        record = _record(path, json.loads(_read_plain(path)))
    except (OSError, ValueError, RecursionError, UpdateError):
        return None
    words = (record.version, record.from_version, record.slot, record.sha256, record.why, record.utc)
    if record.phase is not Phase.FAILED or not all(isinstance(one, str) for one in words):
        return None
    return replace(
        record,
        version=_plain(record.version),
        from_version=_plain(record.from_version),
        slot="",
        why=_plain(record.why),
        utc=_plain(record.utc),
    )


def write_refused(folder: Path, record: Record) -> None:
    """Keep an order that came to nothing, in the place of the one before. Raises: UpdateError."""
    document: Mapping[str, Any] = {"schema": RECORD_SCHEMA, **asdict(record)}
    replace_file(folder / REFUSED_FILE, json.dumps(document).encode())


def _read_plain(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        is_plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, LONGEST_FILE_BYTES) if is_plain else b""
    finally:
        os.close(descriptor)


def _plain(words: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in words[:LONGEST_WORDS])


def _record(path: Path, found: Any) -> Record:
    known = {one.name for one in fields(Record)}
    if not isinstance(found, dict) or found.get("schema") != RECORD_SCHEMA or not known <= found.keys():
        raise UpdateError(
            f"{path}: no record of schema {RECORD_SCHEMA}", hint="the next update writes it anew"
        )
    try:
        return Record(**{**{name: found[name] for name in known}, "phase": Phase(found["phase"])})
    except ValueError:
        raise UpdateError(f"{path}: an unknown phase", hint="the next update writes it anew") from None


class Recorder:
    """Keeps the record, and enters what counts in the unit's audit log, in `unit_state_dir`."""

    def __init__(self, folder: Path, unit_state_dir: Path) -> None:
        self._folder = folder
        self._unit_state_dir = unit_state_dir

    def last(self) -> Record | None:
        """The last update; None when there never was one, or nothing can be made of its record."""
        try:
            return read_record(self._folder)
        except UpdateError:
            return None

    def write(self, record: Record, utc_ns: int) -> None:
        """Keep the record, and enter it. A refused order from before this update counts no more.

        Raises: UpdateError, AnprError when the disk takes neither.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        document: Mapping[str, Any] = {"schema": RECORD_SCHEMA, **asdict(record)}
        replace_file(self._folder / RECORD_FILE, json.dumps(document).encode())
        if record.phase not in (Phase.TRYING, Phase.COMMITTED):  # an order may be refused during a trial
            self._forget_refused()
        if record.phase in AUDITED:
            self._enter(record, utc_ns)

    def refuse(self, record: Record, utc_ns: int) -> None:
        """Keep and enter an order that came to nothing, beside the record. Raises: as `write` does."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget_refused()
        write_refused(self._folder, record)
        self._enter(record, utc_ns)

    def refused(self) -> Record | None:
        """The order that was refused here; None when there is none."""
        return read_refused(self._folder)

    def _forget_refused(self) -> None:
        for folder in (self._folder, self._folder / INCOMING):
            with suppress(OSError):  # the uplink may have left there what is no file
                (folder / REFUSED_FILE).unlink()

    def _enter(self, record: Record, utc_ns: int) -> None:
        details: dict[str, Any] = {
            "version": record.version,
            "from": record.from_version,
        }
        details |= {"slot": record.slot} if record.slot else {}
        details |= {"why": record.why} if record.why else {}
        details |= {} if record.number is None else {"number": record.number}
        with in_turn(self._unit_state_dir):
            append(self._unit_state_dir / AUDIT_FILE, utc_ns, f"update-{record.phase}", details)
