"""Each point of the record: ok, not ok, not checked, and what to do."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from anpr_edge.aim.needs import measured_points

GOOD: dict[str, Any] = {
    "vehicles": {"count": 5, "width_px": 112.0, "sharpness": 0.3, "clipped": 0.01},
    "rate": {"now": 29.9, "asked": 30.0},
    "exposure": {"words": "400 µs, gain 1.0", "limit": None},
}


def marks(**changes: dict[str, Any]) -> dict[str, str]:
    facts = deepcopy(GOOD)
    for name, change in changes.items():
        facts[name].update(change)
    points = measured_points(facts)
    assert all(point.next for point in points if point.mark == "not-ok")
    return {point.name: point.mark for point in points}


def test_all_is_well() -> None:
    assert set(marks().values()) == {"ok"}


@pytest.mark.parametrize(
    ("point", "group", "change"),
    [
        ("Plate width", "vehicles", {"width_px": 99.4}),
        ("Sharpness of plates", "vehicles", {"sharpness": 0.09}),
        ("Saturation of plates", "vehicles", {"clipped": 0.06}),
        ("Frame rate", "rate", {"now": 26.0}),
        ("Exposure", "exposure", {"limit": "dark"}),
    ],
)
def test_one_thing_that_is_not(point: str, group: str, change: dict[str, Any]) -> None:
    found = marks(**{group: change})
    assert found.pop(point) == "not-ok"
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_vehicles_say_nothing(count: int) -> None:
    found = marks(vehicles={"count": count, "width_px": None, "sharpness": None, "clipped": None})
    assert [found[name] for name in ("Plate width", "Sharpness of plates", "Saturation of plates")] == [
        "not-checked"
    ] * 3


def test_what_the_source_does_not_tell_is_not_ok() -> None:
    found = marks(exposure={"words": ""}, rate={"now": None})
    assert (found["Exposure"], found["Frame rate"]) == ("not-checked", "not-checked")
