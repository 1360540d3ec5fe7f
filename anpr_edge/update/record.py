"""What became of the last update, for status, doctor, health and whoever comes after a restart.

`<state_dir>/update/update.json`, written by root alone: {"schema": 1, "phase", "version", "from_version",
"slot", "sha256", "why", "utc", "number", "broker_before"}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from anpr_edge.auditlog import AUDIT_FILE, append, in_turn
from anpr_edge.errors import UpdateError
from anpr_edge.update.replacefile import replace_file

RECORD_FILE: Final = "update.json"
RECORD_SCHEMA: Final = 1


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


AUDITED: Final = frozenset({Phase.INSTALLED, Phase.COMMITTED, Phase.ROLLED_BACK, Phase.FAILED})


@dataclass(frozen=True, slots=True)
class Record:
    """The last update. `number` is the command's that ordered it; None when somebody did by hand.

    `broker_before` says whether the broker was reached before the trial; None when nobody knows.
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
        """Keep the record, and enter it. Raises: UpdateError, AnprError when the disk takes neither."""
        self._folder.mkdir(parents=True, exist_ok=True)
        document: Mapping[str, Any] = {"schema": RECORD_SCHEMA, **asdict(record)}
        replace_file(self._folder / RECORD_FILE, json.dumps(document).encode())
        if record.phase in AUDITED:
            self._enter(record, utc_ns)

    def _enter(self, record: Record, utc_ns: int) -> None:
        details: dict[str, Any] = {
            "version": record.version,
            "from": record.from_version,
            "slot": record.slot,
        }
        details |= {"why": record.why} if record.why else {}
        details |= {} if record.number is None else {"number": record.number}
        with in_turn(self._unit_state_dir):
            append(self._unit_state_dir / AUDIT_FILE, utc_ns, f"update-{record.phase}", details)
