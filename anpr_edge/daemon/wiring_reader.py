"""Builds the reader from a configuration: with `wiring_uplink`, the one place where concrete classes meet."""

from __future__ import annotations

import logging
import uuid
from contextlib import ExitStack, closing
from pathlib import Path

from anpr_edge.capture.opencv_capture import shown
from anpr_edge.commandstore import CommandStore
from anpr_edge.config import Config, ViewSettings
from anpr_edge.daemon.commandjudge import CommandJudge
from anpr_edge.daemon.commandreply import Voice
from anpr_edge.daemon.exposing import ExposureKeeper
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.lastreads import LAST_READS_FILE, LastReads
from anpr_edge.daemon.notify import make_notifier
from anpr_edge.daemon.reader import Reader, ReaderParts, ThreadedDevice
from anpr_edge.daemon.readerdesk import ReaderDesk
from anpr_edge.daemon.serviceacts import is_supervised, reload_config, restart
from anpr_edge.daemon.viewwatch import build_view_watch
from anpr_edge.daemon.watchlists import WatchLists
from anpr_edge.daemon.wiring_common import (
    admit_policy,
    build_counts,
    build_judge,
    build_outbox,
    build_report,
)
from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.exposure import ExposureController
from anpr_edge.devices.exposure_profile import day_and_night, longest_shutter_us
from anpr_edge.devices.gps import FixedSite, SerialGps
from anpr_edge.devices.illuminator import PwmIlluminator
from anpr_edge.devices.lamp_board import LampBoard
from anpr_edge.errors import ConfigError
from anpr_edge.hourly import HOURS_FILE, HourlyRecord
from anpr_edge.pipeline import PlateReader
from anpr_edge.policystore import Standing
from anpr_edge.seal.keys import RecipientKey, Signer
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seal.tpm import load_signing_key
from anpr_edge.seams import Clock, Exposable, FrameSource, Illuminator
from anpr_edge.unitpolicy import list_store
from anpr_edge.vision.closeup import load_detector
from anpr_edge.vision.frame_faults import FrameFaults
from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.recogniser import TfliteRecogniser
from anpr_edge.vision.tflite import TfliteModel
from anpr_edge.vision.view import View

log = logging.getLogger(__name__)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def build_reader(config: Config, file: Path | None = None) -> Reader:
    """The reader service as configured, in `file` when that can be loaded again.

    Raises: PolicyError, ModelError, KeyFileError, SourceUnavailable or OutboxError, each naming what to do.
    """
    clock = SystemClock()
    standing = admit_policy(config, clock)
    with ExitStack() as opened:
        commands = build_judge("reader", config, clock)
        if commands is not None:
            opened.enter_context(closing(commands[1]))
        gate = _build_gate(config, standing, clock, opened, commands[1] if commands else None)
        parts = _build_parts(config, standing.policy, gate, clock, opened)
    _say_what_it_reads(config, standing.policy, parts.plates)
    reader = Reader(parts, clock, make_notifier(), build_report("reader", config, clock))
    if commands is not None:
        reader.heed(build_desk(config, file, reader, gate, commands=commands, clock=clock))
    return reader


def _build_gate(
    config: Config, standing: Standing, clock: Clock, opened: ExitStack, store: CommandStore | None
) -> FeedGate:
    """What decides which feeds get a read; `store` remembers the pauses that were commanded."""
    counts = opened.enter_context(closing(build_counts("reader", config, clock)))
    return FeedGate(
        standing.policy,
        clock,
        refused=standing.refused,
        lists=build_lists(config, standing.policy, clock),
        counts=counts,
        paused=store.pauses(clock.now().utc_ns // 10**9) if store else None,
    )


def _build_parts(
    config: Config, policy: Policy, gate: FeedGate, clock: Clock, opened: ExitStack
) -> ReaderParts:
    """Everything the reader works with; what is `opened` so far is closed when the reader releases them."""
    outbox = opened.enter_context(closing(build_outbox(config, policy, clock)))
    positioner = opened.enter_context(closing(build_positioner(config, clock)))
    lamps = build_lamps(config, clock)
    if lamps is not None and config.illuminator is not None:
        opened.enter_context(closing(lamps))
        lamps.set_level(config.illuminator.level)
    signing_key = load_signing_key(config.unit.keys_dir / "sign.pem", config.unit.tpm)
    opened.enter_context(closing(signing_key))
    plates = build_plates(config, previews=any(feed.previews for feed in policy.feeds))
    source = opened.enter_context(closing(build_source(config, clock)))
    hourly = opened.enter_context(closing(HourlyRecord(config.unit.state_dir / HOURS_FILE, clock)))
    last_reads = opened.enter_context(closing(LastReads(config.unit.run_dir / LAST_READS_FILE)))
    return ReaderParts(
        source=source,
        plates=plates,
        sealer=build_sealer(config, policy, signing_key),
        outbox=outbox,
        positioner=positioner,
        feeds=gate,
        live=is_live(config),
        faults=FrameFaults(config.camera.frame_rate),
        stall_after_s=config.camera.stall_after_s,
        exposure=build_exposure(config, source, lamps),
        lamp_board=lamps if isinstance(lamps, LampBoard) else None,
        commit_window_s=config.outbox.commit_window_ms / 1000,
        urgent=frozenset(feed.name for feed in policy.feeds if feed.first),
        site=surveyed_site(config),
        hourly=hourly,
        last_reads=last_reads,
        view=build_view_watch(config.unit.state_dir),
        devices=threaded(gps=positioner, lamp_board=lamps),
        release=opened.pop_all().close,
    )


def _say_what_it_reads(config: Config, policy: Policy, plates: PlateReader) -> None:
    camera = config.camera
    log.info(
        "reading from %s for %s with %s",
        camera.source if camera.location is None else f"{camera.source} {shown(camera.location)}",
        ", ".join(feed.name for feed in policy.feeds),
        ", ".join(plates.model_ids),
    )


def surveyed_site(config: Config) -> tuple[float, float] | None:
    """Latitude and longitude in degrees; None where nobody has surveyed it."""
    lat_deg, lon_deg = config.site.lat_deg, config.site.lon_deg
    return None if lat_deg is None or lon_deg is None else (lat_deg, lon_deg)


def threaded(
    *, gps: SerialGps | FixedSite, lamp_board: PwmIlluminator | LampBoard | None
) -> dict[str, ThreadedDevice]:
    """The devices that have a thread of their own, by its name."""
    found: dict[str, ThreadedDevice] = {}
    if isinstance(gps, SerialGps):
        found["gps"] = gps
    if isinstance(lamp_board, LampBoard):
        found["lamp-board"] = lamp_board
    return found


def build_desk(
    config: Config,
    file: Path | None,
    reader: Reader,
    gate: FeedGate,
    *,
    commands: tuple[CommandJudge, CommandStore],
    clock: Clock,
) -> ReaderDesk:
    """Where the reader takes commands."""
    end, supervised = reader.end_to_start_again, is_supervised()
    return ReaderDesk(
        Voice(config.unit.fleet, config.unit.id, "reader", clock),
        *commands,
        gate,
        clock,
        reload=lambda: reload_config(config, file, end, supervised=supervised),
        restart=lambda: restart(end, supervised=supervised),
    )


def build_source(config: Config, clock: Clock) -> FrameSource:
    """The configured frame source; its libraries are loaded only when it is the one."""
    camera = config.camera
    if camera.source == "picamera":
        from anpr_edge.capture.picamera import Picamera

        return Picamera(
            clock,
            width=camera.width,
            height=camera.height,
            frame_rate=camera.frame_rate,
            shutter_us=camera.shutter_us,
            gain=camera.gain,
            stall_after_s=camera.stall_after_s,
        )
    if camera.source == "synthetic":
        from anpr_edge.capture.synthetic import SyntheticRoad

        return SyntheticRoad(
            clock,
            width=camera.width,
            height=camera.height,
            frame_rate=camera.frame_rate,
            vehicles=camera.synthetic.vehicles,
            seed=camera.synthetic.seed,
        )
    if camera.location is None:
        raise ConfigError(f"camera.location is missing: the source {camera.source} needs one")
    if camera.source == "images":
        from anpr_edge.capture.images import ImageFolder

        return ImageFolder(clock, [Path(camera.location)])
    from anpr_edge.capture.video import VideoStream

    return VideoStream(
        clock,
        camera.location,
        stall_after_s=camera.stall_after_s,
        width=camera.width,
        height=camera.height,
        frame_rate=camera.frame_rate,
    )


def build_lamps(config: Config, clock: Clock) -> PwmIlluminator | LampBoard | None:
    """What drives the lamps; None when something else does.

    Raises: DeviceError when there is no such PWM channel. A lamp board may come later.
    """
    illuminator = config.illuminator
    if illuminator is not None and illuminator.board is not None:
        return LampBoard(illuminator.board, clock)
    if illuminator is not None and illuminator.pwm is not None:
        return PwmIlluminator(illuminator.pwm)
    return None


def build_exposure(config: Config, source: FrameSource, lamps: Illuminator | None) -> ExposureKeeper | None:
    """Exposure control as configured; None where it is fixed, or the source's own matter."""
    camera, exposure, illuminator = config.camera, config.exposure, config.illuminator
    if exposure.mode == "fixed" or not isinstance(source, Exposable):
        return None
    day, night = day_and_night(
        shutter_max_us=longest_shutter_us(exposure.speed_limit_km_h, camera.frame_rate),
        max_gain=exposure.max_gain,
        day_lamp_level=illuminator.day_level if illuminator else 0.0,
        night_lamp_level=illuminator.level if illuminator else 0.0,
    )
    start_light = camera.shutter_us * camera.gain
    controller = ExposureController(day, night, target_grey=exposure.target_grey, start_light=start_light)
    return ExposureKeeper(controller, source, lamps)


def is_live(config: Config) -> bool:
    """True when frames keep coming whether or not anyone takes them."""
    camera = config.camera
    if camera.source == "video":
        location = camera.location or ""
        return "://" in location or location.startswith("/dev/")
    return camera.source != "images"


def build_plates(config: Config, *, previews: bool = False) -> PlateReader:
    """The pipeline with the configured models and settings; with `previews` when a feed asks for them."""
    models, reading, view = config.models, config.reading, build_view(config.view)
    stills = config.camera.source == "images"
    recogniser = TfliteModel.load(models.directory, "recogniser", threads=models.threads)
    return PlateReader(
        load_detector(models.directory, models.threads, score_min=models.detector_score_min),
        TfliteRecogniser(recogniser),
        gate=MotionGate(view) if reading.motion_gate and not stills else None,
        view=view,
        stills=stills,
        heartbeat_frames=reading.heartbeat_frames,
        min_confidence=reading.min_confidence,
        min_plate_width_px=reading.min_plate_width_px,
        max_delay_ms=reading.max_delay_ms,
        max_misses=reading.max_misses,
        repeat_within_ms=reading.repeat_within_s * 1e3,
        remind_every_s=reading.remind_every_s,
        any_text=reading.any_text,
        previews=previews,
    )


def build_view(view: ViewSettings) -> View:
    """What of the picture counts, as configured."""
    lanes = {name: lane.polygon for name, lane in view.lanes.items()}
    return View(view.regions, view.exclusions, lanes)


def build_sealer(config: Config, policy: Policy, signing_key: Signer) -> CoseSealer:
    """Seals for the policy's feeds with the unit's own signing key."""
    return CoseSealer(
        unit=UnitIdentity(config.unit.fleet, config.unit.id, boot_id()),
        signing_key=signing_key,
        feeds={feed.name: [RecipientKey.parse(one.key) for one in feed.recipients] for feed in policy.feeds},
        fields={feed.name: feed.fields for feed in policy.feeds},
    )


def build_lists(config: Config, policy: Policy, clock: Clock) -> WatchLists | None:
    """The lists of vehicles of interest that the policy's feeds wait for; None when they wait for none."""
    store = list_store(config, policy)
    return None if store is None else WatchLists(store, clock)


def build_positioner(config: Config, clock: Clock) -> SerialGps | FixedSite:
    """The GPS receiver when there is one, else the surveyed site, else nothing known."""
    if config.gps is not None:
        return SerialGps(config.gps.device, config.gps.baud, clock)
    return FixedSite(config.site.lat_deg, config.site.lon_deg)


def boot_id() -> bytes:
    """This boot's random id, 16 bytes. Source: Linux random(4), /proc/sys/kernel/random/boot_id."""
    return uuid.UUID(BOOT_ID.read_text().strip()).bytes
