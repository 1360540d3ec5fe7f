"""The pinned wheels are what setup.cfg asks for on a unit, one hash each."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = {"311": "3.11", "313": "3.13"}
LINE = re.compile(r"([a-z0-9.-]+)==([0-9a-z.]+) --hash=sha256:[0-9a-f]{64}")


def pinned(python: str, suffix: str = "") -> dict[str, str]:
    """Name and version of every wheel pinned for this Python."""
    lines = (ROOT / "scripts" / "pins" / f"aarch64-cp{python}{suffix}.txt").read_text().splitlines()
    found = [LINE.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(found), f"a line without exactly one hash in the pins of Python {python}"
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def required(python: str, *extras: str) -> list[Requirement]:
    """What setup.cfg asks for on 64-bit ARM with this Python."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lists = [setup["options"]["install_requires"], *(setup["options.extras_require"][one] for one in extras)]
    there = {"python_version": PYTHONS[python], "platform_machine": "aarch64"}
    asked = [Requirement(line) for text in lists for line in text.strip().splitlines()]
    return [one for one in asked if one.marker is None or one.marker.evaluate(there)]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_met_by_a_pinned_wheel(python: str) -> None:
    unit = pinned(python)
    everything = unit | pinned(python, "-test")
    for requirement in required(python, "unit"):
        assert requirement.specifier.contains(unit[canonicalize_name(requirement.name)]), requirement
    for requirement in required(python, "unit", "test"):
        assert requirement.specifier.contains(everything[canonicalize_name(requirement.name)]), requirement
    assert not unit.keys() & pinned(python, "-test").keys()


def test_python_3_13_has_litert_alone_and_3_11_both_runtimes() -> None:
    assert "ai-edge-litert" in pinned("311")
    assert "tflite-runtime" in pinned("311")
    assert "ai-edge-litert" in pinned("313")
    assert "tflite-runtime" not in pinned("313")
