"""The list of units says exactly who may sign, or is refused with its file named."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.central.units import Units
from anpr_edge.errors import ConfigError, EnvelopeError, Refusal
from anpr_edge.seal.keys import SigningKey

KEY = SigningKey.generate().public


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "units.toml"
    path.write_text(text)
    return path


def test_a_listed_unit_has_its_key(tmp_path: Path) -> None:
    units = Units.load(write(tmp_path, f'[units]\n"unit-0001" = "{KEY.text}"\n'))
    assert len(units) == 1
    assert units.key_of("unit-0001") == KEY
    with pytest.raises(EnvelopeError) as refused:
        units.key_of("unit-0002")
    assert refused.value.kind is Refusal.UNKNOWN_UNIT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[unit]\n",
        "[units]\n[more]\n",
        "units = 3\n",
        "[units\n",
        '[units]\n"unit-0001" = "ed25519:short"\n',
        '[units]\n"unit-0001" = 7\n',
    ],
)
def test_anything_else_is_refused_with_the_files_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"units\.toml"):
        Units.load(write(tmp_path, text))


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Units.load(tmp_path / "units.toml")
