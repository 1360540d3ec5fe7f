"""What every Illuminator promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.illuminator import PwmIlluminator
from anpr_edge.devices.lamp_board import LampBoard
from anpr_edge.seams import Illuminator
from hw.lamp_board.simulator import SimulatedBoard
from tests.exposed_road import ExposedRoad


@pytest.fixture(params=["pwm", "rendered", "board"])
def illuminator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Illuminator]:
    if request.param == "board":
        simulated = SimulatedBoard(tmp_path / "ttyLAMPS")
        with closing(LampBoard(simulated.link, SystemClock())) as board:
            yield board
        simulated.unplug()
        return
    if request.param == "rendered":
        yield ExposedRoad()
        return
    for name in ("period", "duty_cycle", "enable"):
        (tmp_path / name).write_text("0\n")
    yield PwmIlluminator(tmp_path)


@pytest.mark.parametrize("level", [0, 0.001, 0.5, 1])
def test_every_level_from_dark_to_full_is_taken(illuminator: Illuminator, level: float) -> None:
    illuminator.set_level(level)
    illuminator.set_level(level)


@pytest.mark.parametrize("level", [-0.01, 1.01, float("nan")])
def test_other_levels_are_refused(illuminator: Illuminator, level: float) -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        illuminator.set_level(level)
