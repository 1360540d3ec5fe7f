"""RAUC's `system.conf`, as far as an update has to know it: what fits this unit, and where a slot lies."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.errors import UpdateError


@dataclass(frozen=True, slots=True)
class Device:
    """Where one kind of image of a slot goes: `kind` as a bundle's manifest calls it."""

    kind: str
    path: Path


@dataclass(frozen=True, slots=True)
class RaucConfig:
    """The file's `compatible`, and what belongs to each slot."""

    compatible: str
    slots: dict[str, tuple[Device, ...]]

    @classmethod
    def read(cls, path: Path) -> RaucConfig:
        """Raises: UpdateError naming what is missing."""
        parser = configparser.ConfigParser(interpolation=None, strict=True)
        try:
            parser.read_string(path.read_text("utf-8"))
            compatible = parser["system"]["compatible"]
            slots = _slots(parser)
        except OSError as error:
            raise UpdateError(f"{path}: {error.strerror}", hint="it comes with the system image") from None
        except (configparser.Error, KeyError, ValueError) as error:
            raise UpdateError(f"{path}: not a RAUC configuration: {error}") from None
        if slots.keys() != {"A", "B"}:
            raise UpdateError(f"{path}: its slots are {sorted(slots)}, they must be A and B")
        return cls(compatible, slots)


def _slots(parser: configparser.ConfigParser) -> dict[str, tuple[Device, ...]]:
    """Each bootname with the devices of its slot and of those that name it as their parent."""
    bootnames: dict[str, str] = {}
    devices: list[tuple[str, Device]] = []
    for section in parser.sections():
        if not section.startswith("slot."):
            continue
        _, kind, number = section.split(".")
        name, values = f"{kind}.{number}", parser[section]
        devices.append((values.get("parent", name), Device(kind, Path(values["device"]))))
        if "bootname" in values:
            bootnames[name] = values["bootname"]
    return {
        bootname: tuple(device for owner, device in devices if owner == name)
        for name, bootname in bootnames.items()
    }
