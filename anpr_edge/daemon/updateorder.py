"""An ordered update as it lies on the disk: the command as signed, which whoever acts on it verifies anew.

`incoming/order.json`: {"schema": 1, "command": hex, "correlation": hex}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anpr_edge.daemon.commandjudge import Identity
from anpr_edge.errors import SealError, UpdateError
from anpr_edge.seal.commandbook import checked
from anpr_edge.seal.commands import Argument, Command, open_command
from anpr_edge.update.record import REFUSED_FILE
from anpr_edge.update.replacefile import replace_file

ORDER_FILE: Final = "order.json"
READY_FILE: Final = "ready"
"""Lies beside the bundle once that is whole: systemd then starts who installs it."""

ORDER_SCHEMA: Final = 1
ORDER_MODE: Final = 0o640
LONGEST_FILE_BYTES: Final = 32_768


@dataclass(frozen=True, slots=True)
class Order:
    """One verified order."""

    command: Command
    arguments: Mapping[str, Argument]
    correlation: bytes

    @property
    def version(self) -> str:
        return str(self.arguments["version"])

    @property
    def sha256(self) -> str:
        return str(self.arguments["sha256"])

    @property
    def size(self) -> int:
        return int(self.arguments["size"])

    @property
    def allow_older(self) -> bool:
        return self.arguments["older"] == "yes"

    @property
    def until_utc_s(self) -> int:
        """When it is too late to begin the installation."""
        return self.command.issued_utc_s + int(self.arguments["within_h"]) * 3600

    def bundle(self, folder: Path) -> Path:
        """Where the whole bundle lies, under `folder`."""
        return folder / f"{self.sha256}.raucb"

    def part(self, folder: Path) -> Path:
        """Where what has come of it lies."""
        return folder / f"{self.sha256}.part"


def write_order(path: Path, blob: bytes, correlation: bytes) -> None:
    """Keep an order. Raises: UpdateError."""
    document = {"schema": ORDER_SCHEMA, "command": blob.hex(), "correlation": correlation.hex()}
    replace_file(path, json.dumps(document).encode(), ORDER_MODE)


def read_order(path: Path, identity: Identity) -> Order | None:
    """The order at `path`, when the fleet's command key signed it for this unit; None when there is none.

    Raises: UpdateError saying why it does not count.
    """
    try:
        content = path.read_bytes() if path.stat().st_size <= LONGEST_FILE_BYTES else b""
        found: Any = json.loads(content)
        if found["schema"] != ORDER_SCHEMA:
            raise ValueError(f"schema {found['schema']}")
        blob, correlation = bytes.fromhex(found["command"]), bytes.fromhex(found["correlation"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UpdateError(f"{path}: no order: {error}") from None
    if identity.key is None:
        raise UpdateError(
            f"{path}: this unit has no command key", hint="bring command.pub to its keys folder"
        )
    try:
        command = open_command(blob, identity.key)
        arguments = checked(command)
    except SealError as error:
        raise UpdateError(f"{path}: {error}") from None
    if command.name != "update" or not command.is_for(identity.fleet, identity.unit, identity.groups):
        raise UpdateError(f"{path}: no update for unit {identity.fleet}/{identity.unit}")
    return Order(command, arguments, correlation)


def clear(folder: Path, but: Order | None = None) -> None:
    """Remove an order and all that came of it, `but` what is there of this one."""
    kept = () if but is None else (folder / ORDER_FILE, but.part(folder))
    for pattern in (READY_FILE, ORDER_FILE, REFUSED_FILE, "*.part", "*.raucb", "*.new"):
        for path in folder.glob(pattern):
            if path not in kept:
                path.unlink(missing_ok=True)
