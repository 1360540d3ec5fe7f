"""What every Positioner promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.gps import FixedSite, SerialGps
from anpr_edge.seams import Positioner

MAKERS: dict[str, Callable[[Path], FixedSite | SerialGps]] = {
    "surveyed site": lambda _: FixedSite(51.5, -0.12),
    "unknown site": lambda _: FixedSite(None, None),
    "receiver unplugged": lambda tmp: SerialGps(tmp / "ttyGPS", 9600, SystemClock(), retry_s=0.01),
}


@pytest.fixture(params=MAKERS)
def positioner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Positioner]:
    with closing(MAKERS[request.param](tmp_path)) as made:
        yield made
        made.close()


def test_a_fix_has_both_coordinates_or_neither(positioner: Positioner) -> None:
    fix = positioner.fix()
    assert fix is None or (fix.lat_deg is None) == (fix.lon_deg is None)


def test_a_position_has_a_mode_that_says_so(positioner: Positioner) -> None:
    fix = positioner.fix()
    assert fix is None or (fix.lat_deg is not None) == (fix.mode >= 2)


def test_asking_again_changes_nothing(positioner: Positioner) -> None:
    assert positioner.fix() == positioner.fix()
