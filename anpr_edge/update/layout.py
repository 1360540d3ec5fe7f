"""Where a system image keeps its slots: what the image's builder decides, not the unit's configuration.

A TOML file of the image, `/usr/lib/anpr-edge/slots.toml`; every key may be left out, and so may the file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import UpdateError
from anpr_edge.update.record import INCOMING

LAYOUT_FILE: Final = Path("/usr/lib/anpr-edge/slots.toml")


def _partitions() -> dict[str, int]:
    return {"A": 2, "B": 3}


@dataclass(frozen=True, slots=True)
class Layout:
    """The places an update touches. `partitions` are the firmware partitions' numbers."""

    boot_dir: Path = Path("/boot/select")
    partitions: dict[str, int] = field(default_factory=_partitions)
    state_dir: Path = Path("/var/lib/anpr-edge/update")
    rauc_config: Path = Path("/etc/rauc/system.conf")
    release_file: Path = Path("/usr/lib/anpr-edge/release")
    bootloader_dir: Path = Path("/proc/device-tree/chosen/bootloader")
    reboot: tuple[str, ...] = ("systemctl", "reboot")

    def slot_of(self, partition: int) -> str | None:
        """The slot whose firmware partition this is."""
        return next((slot for slot, number in self.partitions.items() if number == partition), None)

    @property
    def incoming(self) -> Path:
        """Where the uplink leaves what it fetched: the one folder of the update's that it may write."""
        return self.state_dir / INCOMING


def load_layout(path: Path = LAYOUT_FILE) -> Layout:
    """The layout in a file; the usual one where there is no file.

    Raises: UpdateError naming the first key that cannot be.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Layout()
    except (OSError, ValueError) as error:
        raise UpdateError(f"{path}: {error}", hint="it comes with the system image") from None
    known = {one.name: one for one in fields(Layout)}
    values: dict[str, Any] = {}
    for key, value in found.items():
        if key not in known:
            raise UpdateError(f"{path}: unknown key {key}", hint=f"there are {', '.join(known)}")
        values[key] = _value(path, key, value)
    return Layout(**values)


def _value(path: Path, key: str, value: object) -> object:
    if key == "partitions":
        if isinstance(value, dict) and value.keys() == {"A", "B"} and _two_numbers(value):
            return value
        raise UpdateError(f"{path}: partitions must be two different numbers, as {{ A = 2, B = 3 }}")
    if key == "reboot":
        if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
            return tuple(value)
        raise UpdateError(f"{path}: reboot must be a command's words in a list")
    if isinstance(value, str) and value.startswith("/"):
        return Path(value)
    raise UpdateError(f"{path}: {key} must be an absolute path in quotes")


def _two_numbers(value: dict[str, Any]) -> bool:
    a, b = value["A"], value["B"]
    return type(a) is int and type(b) is int and 1 <= a <= 63 and 1 <= b <= 63 and a != b
