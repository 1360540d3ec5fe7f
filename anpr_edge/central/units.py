"""Which units there are and how each one signs: the centre's list, a TOML file.

[units]
"unit-0001" = "ed25519:…"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from anpr_edge.errors import ConfigError, EnvelopeError, KeyFileError, Refusal
from anpr_edge.seal.keys import VerifyKey


class Units:
    """The units a centre knows, by name."""

    def __init__(self, keys: Mapping[str, VerifyKey]) -> None:
        self._keys = dict(keys)

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def load(cls, path: Path) -> Units:
        """Read the list. Raises: ConfigError when it is missing, malformed or names a bad key."""
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: no usable list of units: {error.strerror}", hint=_HINT) from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: no usable list of units: {error}", hint=_HINT) from error
        table = document.get("units")
        if document.keys() != {"units"} or not isinstance(table, dict):
            raise ConfigError(f"{path}: must hold exactly one section, [units]", hint=_HINT)
        try:
            return cls({unit: VerifyKey.parse(str(text)) for unit, text in table.items()})
        except KeyFileError as error:
            raise ConfigError(f"{path}: {error}", hint=_HINT) from error

    @property
    def keys(self) -> Mapping[str, VerifyKey]:
        """Every unit's key, by name."""
        return MappingProxyType(self._keys)

    def has(self, unit: str, kid: bytes) -> bool:
        """Whether `unit` is known, and signs with the key of this kid."""
        return unit in self._keys and self._keys[unit].kid == kid

    def key_of(self, unit: str) -> VerifyKey:
        """The key `unit` signs with. Raises: EnvelopeError (unknown-unit)."""
        try:
            return self._keys[unit]
        except KeyError:
            raise EnvelopeError(
                Refusal.UNKNOWN_UNIT,
                f"{unit} is not in the list of units",
                hint="anpr-central units add UNIT KEY adds it",
            ) from None


class UnitsFile:
    """The list of units in a file that changes while it is used. Raises: ConfigError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._stamp_now()
        self.units = Units.load(path)

    def refresh(self) -> str:
        """Read the file again if it has changed; what is new in words, or nothing.

        Raises: ConfigError, once for each change, when it cannot be used: the list before it stays in force.
        """
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return ""
        self._stamp = stamp
        before, self.units = self.units, Units.load(self._path)
        return _difference(before.keys, self.units.keys)

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _difference(before: Mapping[str, VerifyKey], after: Mapping[str, VerifyKey]) -> str:
    """Who came, who went and who signs with another key."""
    changes = {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "with another key": sorted(
            unit for unit in before.keys() & after.keys() if before[unit] != after[unit]
        ),
    }
    return "; ".join(f"{what}: {', '.join(units)}" for what, units in changes.items() if units)


_HINT = "anpr-central units add UNIT KEY writes a line for a unit, with the key that anpr-edge init printed"
