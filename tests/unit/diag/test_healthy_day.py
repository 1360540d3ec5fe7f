"""A healthy unit is watched for 24 hours: what doctor tells of it in all that time that is not so.

Clock, services and Pi are simulated, with what happens to a healthy unit: rush hours and quiet nights, a warm
noon, a link that drops for moments, a receiver that loses the sky, a moment of black frames. The checks are
the real ones, on real keys, models and outbox.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from anpr_edge.config import find_models_directory
from anpr_edge.diag.condition import Verdict
from anpr_edge.diag.sun import elevation_deg
from anpr_edge.diag.watch import Watch
from anpr_edge.hourly import Hour, hour_name
from tests.unit.diag.fake_pi import CHRONY
from tests.unit.diag.whole_unit import WholeUnit, broker, make_whole_unit

EVERY_S = 600
WRONG = (Verdict.WARN, Verdict.FAIL, Verdict.NOT_CHECKED)

pytestmark = pytest.mark.skipif(
    not (find_models_directory() / "detector.json").is_file(), reason="no trained models"
)


class Day:
    """What happens to a healthy unit, hour by hour, by chance of a seed."""

    def __init__(self, unit: WholeUnit, seed: int) -> None:
        self.unit = unit
        self.chance = random.Random(seed)
        start = unit.utc - timedelta(weeks=5)
        self.busy = {day: self.chance.uniform(0.75, 1.3) for day in range(37)}
        self.first_day = start.date()
        unit.hours = {}
        for back in range(5 * 168, 0, -1):
            self.remember(unit.utc - timedelta(hours=back))

    def traffic(self, utc: datetime) -> float:
        """Vehicles expected in an hour: two rush hours, less at the weekend, some days busier than others."""
        hour = utc.hour + utc.minute / 60
        rush = sum(math.exp(-((hour - peak) ** 2) / 4) for peak in (8, 17))
        weekend = 0.6 if utc.weekday() >= 5 else 1.0
        return (
            (20 + 500 * rush + 150 * max(0.0, math.sin((hour - 5) / 17 * math.pi)))
            * weekend
            * self.busy[(utc.date() - self.first_day).days]
        )

    def sun(self, utc: datetime) -> float:
        return elevation_deg(10.0, 0.0, utc)

    def sight(self, utc: datetime) -> dict[str, float]:
        """Plates' medians, which change with the light and from hour to hour."""
        bright = max(0.0, min(1.0, (self.sun(utc) + 6) / 30))
        return {
            "sharpness": (0.25 + 0.2 * bright) * self.chance.uniform(0.8, 1.2),
            "contrast": (90 + 30 * bright) * self.chance.uniform(0.85, 1.15),
            "dark_grey": 4 + 16 * bright * self.chance.uniform(0.5, 1.5),
        }

    def remember(self, utc: datetime) -> None:
        """An hour that is over."""
        expected = self.traffic(utc.replace(minute=30))
        reads = max(0.0, self.chance.gauss(expected, math.sqrt(expected)))
        hour: Hour = {"seconds": 3600.0, "reads": float(round(reads)), **self.sight(utc)}
        self.unit.hours[hour_name(utc)] = hour

    def live(self, seconds: float) -> None:
        """Let the unit live on, and say how it is then."""
        unit, chance = self.unit, self.chance
        before = unit.utc
        unit.bench.clock.advance(seconds)
        if unit.utc.hour != before.hour:
            self.remember(before)
        sun, sight = self.sun(unit.utc), self.sight(unit.utc)
        night = sun < chance.uniform(-6, 6)
        unit.reader["exposure"].update(
            profile="night" if night else "day",
            lamp_level=chance.uniform(0.3, 0.9) if night else 0.0,
            limit="dark" if chance.random() < 0.1 else None,
            limit_s=chance.uniform(0, 300),
        )
        unit.reader["sight"].update(
            dark_grey=sight["dark_grey"],
            clipped=chance.uniform(0, 0.02),
            glare_s=20.0 if chance.random() < 0.02 else None,
        )
        unit.reader["sight"]["plates"].update(
            sharpness=sight["sharpness"], contrast=sight["contrast"], width_px=chance.uniform(85, 110)
        )
        unit.reader["latency_ms"]["frame_p50"] = chance.uniform(35, 90)
        lost = chance.random() < 0.05
        unit.reader["fix"].update(
            mode=1 if lost else 3,
            lost_s=chance.uniform(1, 90) if lost else None,
            from_site_m=None if lost else abs(chance.gauss(0, 12)),
        )
        if chance.random() < 0.03:
            unit.fault("black", chance.uniform(0.1, 2.0))
        else:
            unit.reader["frames"]["faults"] = {}
        self._machine(sun)
        self._link()

    def _machine(self, sun: float) -> None:
        pi, chance = self.unit.bench.pi, self.chance
        celsius = 48 + 14 * max(0.0, math.sin(math.radians(sun))) + chance.gauss(0, 2)
        pi.write("sys/class/thermal/thermal_zone0/temp", str(round(celsius * 1000)))
        pi.write("sys/class/hwmon/hwmon1/curr1_input", str(chance.randint(200, 900)))
        pi.answers["chronyc"] = CHRONY.replace("0.000012", f"{chance.gauss(0, 0.004):.9f}")
        self.unit.bench.clock.utc_error_ms = chance.uniform(0.5, 60.0)

    def _link(self) -> None:
        unit, chance = self.unit, self.chance
        down = chance.random() < 0.05
        unit.uplink["link"] = {
            "connected": not down,
            "detail": "the broker hung up" if down else "connected",
            "since_s": chance.uniform(1, 40) if down else 3600.0,
        }
        unit.uplink["outbox"]["access"] = {
            "waiting": chance.randint(0, 40),
            "sent": chance.randint(0, 20),
            "oldest_age_s": chance.uniform(0, 120),
        }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_more_than_one_false_condition_in_24_hours(tmp_path: Path, seed: int) -> None:
    unit = make_whole_unit(tmp_path)
    told: list[str] = []
    with broker(unit):
        day, watch = Day(unit, seed), Watch()
        for step in range(24 * 3600 // EVERY_S):
            day.live(EVERY_S)
            lines = unit.examine()
            for line in watch.changes(lines, unit.bench.clock.now().mono_ns / 1e9):
                if line.finding.verdict in WRONG:
                    told.append(f"{unit.utc:%H:%M} {line.condition.code}: {line.finding.measured}")
            assert step or not [one for one in lines if one.finding.verdict is Verdict.NOT_CHECKED]
    assert len(told) <= 1, told


def test_the_same_day_with_the_camera_turned_away_is_noticed(tmp_path: Path) -> None:
    unit = make_whole_unit(tmp_path)
    with broker(unit):
        day = Day(unit, 1)
        while not 9 <= unit.utc.hour < 10:
            day.live(1800)
        day.unit.hours[hour_name(unit.utc - timedelta(hours=1))]["reads"] = 4.0
        day.live(1.0)
        assert unit.wrong().get("capture-rate") is Verdict.FAIL
