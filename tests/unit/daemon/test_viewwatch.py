"""The reader knows its view again, and a camera that was turned away from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.commissioning import keep_view
from anpr_edge.daemon.health import Heartbeats
from anpr_edge.daemon.viewwatch import FRAMES, ViewWatch, build_view_watch
from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import Frame, Instant
from anpr_edge.vision.signature import ViewGatherer
from tests.fakes import FakeClock


@pytest.fixture(scope="module")
def road() -> SyntheticRoad:
    return SyntheticRoad(SystemClock(), vehicles=6, seed=3, paced=False)


@pytest.fixture
def watch(road: SyntheticRoad, tmp_path: Path) -> ViewWatch:
    gatherer = ViewGatherer()
    for seq in range(0, 64, 4):
        gatherer.add(road.render(seq))
    keep_view(tmp_path, "night", gatherer.signature().to_json(), 10**18)
    watch = build_view_watch(tmp_path)
    assert watch is not None
    return watch


def drive(
    watch: ViewWatch,
    road: SyntheticRoad,
    first_s: int,
    *,
    light: str | None = "night",
    dx: int = 0,
    to_its_end: bool = True,
) -> None:
    """Enough frames, ten seconds apart, for one comparison."""
    for number in range(FRAMES):
        pixels = road.render((150 + 3 * number) % road.frame_count)
        moved = cv2.warpAffine(
            pixels, np.array([[1.0, 0, dx], [0, 1, 0]]), (1280, 720), borderMode=cv2.BORDER_REFLECT
        )
        taken = Instant(0, (first_s + 10 * number) * 10**9)
        watch.look(Frame(number, taken, np.asarray(moved, np.uint8)), light)
    if to_its_end:
        watch.wait()


def test_the_same_view_then_a_knock(watch: ViewWatch, road: SyntheticRoad) -> None:
    assert watch.state() is None
    drive(watch, road, 0)
    state = watch.state()
    assert state is not None
    assert (state["verdict"], state["light"], state["for_s"]) == ("same", "night", 0)
    for round_, for_s in ((1, 0), (2, 300)):
        drive(watch, road, 300 * round_, dx=60)
        state = watch.state()
        assert state is not None
        assert (state["verdict"], state["for_s"]) == ("moved", for_s)
        assert state["shift_x"] == pytest.approx(60 / 1280, abs=0.01)


@pytest.mark.parametrize("light", ["day", None])
def test_in_light_that_it_was_not_captured_in_nothing_is_said(
    watch: ViewWatch, road: SyntheticRoad, light: str | None
) -> None:
    drive(watch, road, 0, light=light)
    assert watch.state() is None


def test_frames_between_are_not_looked_at(watch: ViewWatch, road: SyntheticRoad) -> None:
    pixels = road.render(0)
    for number in range(10 * FRAMES):
        watch.look(Frame(number, Instant(0, number * 30_000_000), pixels), "night")
    watch.wait()
    assert watch.state() is None


def test_without_a_captured_view_there_is_nothing_to_watch(tmp_path: Path) -> None:
    assert build_view_watch(tmp_path) is None
    (tmp_path / "commissioning.json").write_text("{")
    assert build_view_watch(tmp_path) is None


def test_a_comparison_that_hangs_is_known_and_holds_up_no_frame(
    watch: ViewWatch, road: SyntheticRoad
) -> None:
    clock, begun, over = FakeClock(), Event(), Event()
    helpers = Heartbeats(clock, {"view": 60.0}, idle=("view",))

    @contextmanager
    def hanging() -> Iterator[None]:
        with helpers.doing("view"):
            begun.set()
            over.wait()
            yield

    watch.comparing = hanging
    drive(watch, road, 0, to_its_end=False)
    assert begun.wait(10)
    clock.advance(61.0)
    assert [age.stage for age in helpers.late()] == ["view"]
    drive(watch, road, 1000, to_its_end=False)
    over.set()
    watch.wait()
    assert helpers.late() == []
    assert watch.state() is not None
