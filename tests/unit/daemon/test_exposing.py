"""The reader sets camera and lamps to what plates want, and says so in its state."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anpr_edge.capture.picamera import Picamera
from anpr_edge.config import Config, load_config
from anpr_edge.daemon.exposing import ExposureKeeper
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.notify import NullNotifier
from anpr_edge.daemon.reader import Reader, ReaderParts
from anpr_edge.daemon.state import StateReport
from anpr_edge.daemon.wiring_reader import build_exposure, build_source
from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.gps import FixedSite
from anpr_edge.devices.illuminator import PERIOD_NS, PwmIlluminator
from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Box, Detection, Frame, Instant, Quad
from anpr_edge.seal.policy.model import unsigned_policy
from anpr_edge.statefile import StateFile
from anpr_edge.vision.frame_faults import FrameFaults
from anpr_edge.vision.motion import MotionGate
from tests.exposed_road import NIGHT, NOON, ExposedRoad, SeesPlates
from tests.fakes import FakeSealer
from tests.scripted_road import ScriptedRoad
from tests.unit.daemon.reader_bench import feed, new_outbox
from tests.unit.diag.bench import Bench, make_bench

CLOCK = SystemClock()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    """A PWM channel as the kernel shows it."""
    channel = tmp_path / "pwmchip0" / "pwm0"
    channel.mkdir(parents=True)
    for name in ("period", "duty_cycle", "enable"):
        (channel / name).write_text("0\n")
    return channel


class LitRoad(ExposedRoad):
    """The rendered road, lit by the lamps of a PWM channel instead of its own."""

    channel: Path

    def read(self) -> Any:
        self.set_level(int((self.channel / "duty_cycle").read_text()) / PERIOD_NS)
        return super().read()


def config_with(bench: Bench, more: str) -> Config:
    bench.more = more
    bench.write_config()
    return load_config(bench.config)


def keeper(bench: Bench, road: ExposedRoad, lamps: PwmIlluminator | None, more: str = "") -> ExposureKeeper:
    illuminator = '\n[illuminator]\npwm = "/sys/class/pwm/pwmchip0/pwm0"\n' if lamps else ""
    built = build_exposure(config_with(bench, more + illuminator), road, lamps)
    assert built is not None
    return built


def run(road: ExposedRoad, exposure: ExposureKeeper) -> None:
    """Look at every frame of the road."""
    detector = SeesPlates(road)
    for frame in iter(road.read, None):
        exposure.look(frame, detector.detect(frame.pixels))


def lit_road(channel: Path, sun: float, frames: int) -> LitRoad:
    road = LitRoad(sun, frames=frames)
    road.channel = channel
    return road


def test_by_night_the_lamps_channel_carries_the_plates(bench: Bench, channel: Path) -> None:
    road, lamps = lit_road(channel, NIGHT, 600), PwmIlluminator(channel)
    lamps.set_level(1)
    exposure = keeper(bench, road, lamps)
    run(road, exposure)
    state = exposure.state()
    assert (state["profile"], state["held_by"], state["limit"]) == ("night", "plates", None)
    assert 90 < state["plate_grey"] < 255
    assert int((channel / "duty_cycle").read_text()) == pytest.approx(
        state["lamp_level"] * PERIOD_NS, abs=PERIOD_NS / 500
    )
    assert state["lamp_level"] > 0.5


def test_by_day_the_lamps_go_to_the_days_level(
    bench: Bench, channel: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    road, lamps = lit_road(channel, NOON, 600), PwmIlluminator(channel)
    run(road, keeper(bench, road, lamps))
    assert (channel / "duty_cycle").read_text().strip() == "0"
    assert (channel / "enable").read_text().strip() == "0"
    assert caplog.messages == ["exposure: by night", "exposure: by day"]


def test_lamps_that_refuse_are_told_once_and_reading_goes_on(
    bench: Bench, channel: Path, caplog: pytest.LogCaptureFixture
) -> None:
    road, lamps = ExposedRoad(NIGHT, frames=600), PwmIlluminator(channel)
    (channel / "duty_cycle").unlink()
    exposure = keeper(bench, road, lamps)
    run(road, exposure)
    refused = [one for one in caplog.messages if "duty_cycle: cannot write" in one]
    assert len(refused) == 1
    assert "duty_cycle: cannot write" in exposure.state()["lamp_fault"]
    assert road.told


def test_lamps_that_obey_again_are_no_fault(bench: Bench, channel: Path) -> None:
    road, lamps = ExposedRoad(NOON, frames=40), PwmIlluminator(channel)
    (channel / "duty_cycle").unlink()
    exposure = keeper(bench, road, lamps)
    run(road, exposure)
    assert exposure.state()["lamp_fault"]
    (channel / "duty_cycle").write_text("0\n")
    road.frames = 600
    run(road, exposure)
    assert exposure.state()["lamp_fault"] == ""


def test_a_unit_without_lamps_sets_the_camera_alone(bench: Bench) -> None:
    road = ExposedRoad(NOON, frames=300)
    exposure = keeper(bench, road, None)
    run(road, exposure)
    assert exposure.state()["lamp_level"] is None
    assert {told.lamp_level for told in road.told} == {0.0}
    assert road.exposure.shutter_us < 200


# ── wired ───────────────────────────────────────────────────────────────────────────────────


def test_the_roads_speed_limit_is_the_shutters(bench: Bench) -> None:
    road = ExposedRoad(NIGHT, lamps=1e-5, frames=300)
    run(road, keeper(bench, road, None, "\n[exposure]\nspeed_limit_km_h = 50\nmax_gain = 3\n"))
    assert max(told.shutter_us for told in road.told) == pytest.approx(1e6 / 550)
    assert max(told.gain for told in road.told) <= 3


def test_what_is_configured_as_fixed_is_left_alone(bench: Bench) -> None:
    config = config_with(bench, '\n[exposure]\nmode = "fixed"\n')
    assert build_exposure(config, ExposedRoad(), None) is None


def test_a_source_without_a_shutter_is_left_alone(bench: Bench) -> None:
    config = config_with(bench, "")
    assert build_exposure(config, build_source(config, CLOCK), None) is None


def test_the_camera_on_the_ribbon_is_controlled_unless_told_otherwise(bench: Bench) -> None:
    camera = Picamera.__new__(Picamera)
    assert build_exposure(config_with(bench, ""), camera, None) is not None


def test_the_reader_controls_its_camera_and_says_so_in_its_state(bench: Bench) -> None:
    road = ExposedRoad(NOON, frames=400)
    state = run_reader(bench, road, keeper(bench, road, None))
    assert state["exposure"]["profile"] == "day"
    assert state["exposure"]["shutter_us"] == round(road.exposure.shutter_us) < 200
    assert 90 < state["exposure"]["plate_grey"] < 255


def test_a_reader_without_exposure_control_says_that(bench: Bench) -> None:
    road = ExposedRoad(NOON, frames=10)
    assert run_reader(bench, road, None)["exposure"] is None
    assert road.told == []


def run_reader(bench: Bench, road: ExposedRoad, exposure: ExposureKeeper | None) -> dict[str, Any]:
    """Run the whole service over the road; gives its last state."""
    seen = SeesPlates(road)
    parts = ReaderParts(
        source=road,
        plates=PlateReader(seen, seen),
        sealer=FakeSealer(["a"]),
        outbox=new_outbox(bench.directory),
        positioner=FixedSite(51.5, -0.1),
        feeds=FeedGate(unsigned_policy("testfleet", "unit-0001", (feed("a"),)), CLOCK),
        live=False,
        release=road.close,
        faults=FrameFaults(30.0),
        exposure=exposure,
    )
    report = StateReport("reader", StateFile(bench.run_dir / "reader.json"), CLOCK)
    Reader(parts, CLOCK, NullNotifier(), report).run()
    state: dict[str, Any] = json.loads((bench.run_dir / "reader.json").read_text())
    return state


# ── what it goes by ─────────────────────────────────────────────────────────────────────────


def test_the_pipeline_shows_what_was_found_in_the_last_frame_alone() -> None:
    box = Box(20, 20, 120, 44)
    script = ScriptedRoad({"AB12CDE": (0, [box])})
    plates = PlateReader(script, script, gate=MotionGate(), heartbeat_frames=1000, max_misses=0)
    found = []
    for script.frame in range(8):
        taken = Instant(0, script.frame * 10**8)
        plates.step(Frame(script.frame, taken, np.full((180, 320), 40, np.uint8)))
        found.append(list(plates.detections))
    assert found[0] == [Detection(box, Quad.of_box(box), 0.9)]
    assert found[1:] == [[]] * 7
    assert len(script.searched) < 8
