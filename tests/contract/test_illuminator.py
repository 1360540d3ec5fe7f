"""What every Illuminator promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.devices.illuminator import PwmIlluminator
from anpr_edge.seams import Illuminator
from tests.exposed_road import ExposedRoad


@pytest.fixture(params=["pwm", "rendered"])
def illuminator(request: pytest.FixtureRequest, tmp_path: Path) -> Illuminator:
    if request.param == "rendered":
        return ExposedRoad()
    for name in ("period", "duty_cycle", "enable"):
        (tmp_path / name).write_text("0\n")
    return PwmIlluminator(tmp_path)


@pytest.mark.parametrize("level", [0, 0.001, 0.5, 1])
def test_every_level_from_dark_to_full_is_taken(illuminator: Illuminator, level: float) -> None:
    illuminator.set_level(level)
    illuminator.set_level(level)


@pytest.mark.parametrize("level", [-0.01, 1.01, float("nan")])
def test_other_levels_are_refused(illuminator: Illuminator, level: float) -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        illuminator.set_level(level)
