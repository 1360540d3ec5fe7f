"""Changing the centre's list of units: one line a unit, comments and order kept."""

from __future__ import annotations

import re
from pathlib import Path

from anpr_edge.central.units import Units
from anpr_edge.durable import sync_folder, write_new
from anpr_edge.errors import ConfigError, KeyFileError, UsageError, reason
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.uplink import topics

HEADER = "# Which units there are, and the key each one signs with. Kept by: anpr-central units\n[units]\n"


def add_unit(path: Path, unit: str, key_text: str, *, replace: bool = False) -> bool:
    """Put a unit and its verify key into the list; False when it stands there already.

    `replace`: a unit that is listed with another key gets this one. A missing list is begun.

    Raises: UsageError for a name or key that cannot be, or a listed unit with another key; ConfigError
    when the list cannot be used or written.
    """
    if not topics.is_name(unit):
        raise UsageError(f"{unit!r} cannot be a unit's name", hint=topics.NAME_HINT)
    try:
        key = VerifyKey.parse(key_text)
    except KeyFileError as error:
        raise UsageError(f"{unit}: {error}", hint="anpr-edge init prints the unit's verify key") from error
    if not path.exists():
        _save(path, HEADER)
    known = Units.load(path).keys.get(unit)
    if known == key:
        return False
    if known is not None and not replace:
        raise UsageError(
            f"{unit} is listed with another key",
            hint="--replace takes this one; what the unit signed with the old key is refused from then on",
        )
    _save(path, _without(_text(path), unit) + f'"{unit}" = "{key.text}"\n')
    return True


def remove_unit(path: Path, unit: str) -> None:
    """Take a unit off the list. Raises: UsageError when it is not on it, ConfigError."""
    if unit not in Units.load(path).keys:
        raise UsageError(f"{unit} is not in {path}", hint="anpr-central units list shows who is")
    _save(path, _without(_text(path), unit))


def _text(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return text if text.endswith("\n") else text + "\n"


def _without(text: str, unit: str) -> str:
    """The list without a unit's line, whichever way its name is quoted."""
    name = re.escape(unit)
    return re.sub(rf"^[ \t]*(\"{name}\"|'{name}'|{name})[ \t]*=.*\n", "", text, flags=re.MULTILINE)


def _save(path: Path, text: str) -> None:
    """Replace the list in one step, so that nobody ever reads half of it."""
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        write_new(draft, text.encode())
        Units.load(draft)  # never in the place of a usable list one that is not
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {reason(error)}", hint="run it as root") from error
