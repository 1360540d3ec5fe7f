"""The sun's height against tabulated moments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from anpr_edge.diag.sun import elevation_deg


@pytest.mark.parametrize(
    ("lat_deg", "utc", "height_deg"),
    [
        # Source: at an equinox or solstice the noon sun stands at 90° − latitude + declination.
        (51.4779, datetime(2027, 6, 21, 12, 2, tzinfo=UTC), 90 - 51.4779 + 23.44),
        (51.4779, datetime(2026, 12, 21, 11, 58, tzinfo=UTC), 90 - 51.4779 - 23.44),
        (0.0, datetime(2027, 3, 20, 12, 7, tzinfo=UTC), 89.9),
        (51.4779, datetime(2026, 12, 21, 23, 58, tzinfo=UTC), -(90 - 51.4779 + 23.44)),
    ],
)
def test_heights_at_greenwich(lat_deg: float, utc: datetime, height_deg: float) -> None:
    assert elevation_deg(lat_deg, 0.0, utc) == pytest.approx(height_deg, abs=0.5)


def test_noon_comes_an_hour_later_15_degrees_to_the_west() -> None:
    here = elevation_deg(50.0, 0.0, datetime(2027, 5, 1, 9, tzinfo=UTC))
    there = elevation_deg(50.0, -15.0, datetime(2027, 5, 1, 10, tzinfo=UTC))
    assert there == pytest.approx(here, abs=0.1)
