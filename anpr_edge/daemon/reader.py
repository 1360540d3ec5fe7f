"""The reader service: frames in, sealed reads in the outbox. It has no network.

    capture ── frames (drops the oldest) ──▶ infer ── reads (waits) ──▶ commit ──▶ outbox

A slow detector costs frames. An outbox that takes no reads costs neither frames nor reads until memory is
full of them (keeping.py); then the oldest are given up, by number. The watchdog is fed only while every stage
is on time, so a hung camera or detector restarts the service and an empty road does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from threading import Event
from typing import Any, Protocol

from anpr_edge.daemon.exposing import ExposureKeeper
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.health import Counters, Latencies, Rates
from anpr_edge.daemon.keeping import RETRY_S, ReadKeeper, finish
from anpr_edge.daemon.lastreads import LastReads
from anpr_edge.daemon.platestats import PlateStats
from anpr_edge.daemon.policywatch import PolicyWatch
from anpr_edge.daemon.queues import Bounded, Closed, DropOldest
from anpr_edge.daemon.readerdesk import ReaderDesk
from anpr_edge.daemon.stages import Stages
from anpr_edge.daemon.state import StateReport, minute
from anpr_edge.daemon.threads import STALL_MARGIN_S
from anpr_edge.daemon.viewwatch import ViewWatch
from anpr_edge.daemon.watchdog import Watchdog
from anpr_edge.devices.clocksteps import ClockSteps
from anpr_edge.devices.distance import Place, Whereabouts
from anpr_edge.devices.lamp_board import LampBoard
from anpr_edge.errors import CaptureError, OutboxError, SignerUnavailable
from anpr_edge.hourly import HourlyRecord
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Frame, PlateRead
from anpr_edge.seams import Clock, FrameSource, Notifier, Positioner, Sealer
from anpr_edge.vision.frame_faults import FrameFaults
from anpr_edge.vision.sight import Sight

log = logging.getLogger(__name__)

STAGE_COUNTS = {"capture": "taken", "infer": "processed", "commit": "committed"}
"""What each stage has done, for its rate."""

FRAMES_WAITING = 2
READS_WAITING = 64
POLL_S = 0.25
TRIES_AFTER_STOP = 3
"""How often a stop still offers its last reads to an outbox that refuses; systemd gives it 45 s in all."""

SUPERVISE_S = 0.1
ENDINGS = {
    "failed": "ended by a fault",
    "stopped": "stopped as told",
    "finished": "the source came to its end",
}


class ThreadedDevice(Protocol):
    """A device driven by a thread, which calls `on_turn` each time round."""

    on_turn: Callable[[], None]


@dataclass(frozen=True, slots=True)
class ReaderParts:
    """What wiring gives the reader. A `live` source loses frames rather than wait; a file waits.

    `source` itself raises SourceStalled after `stall_after_s` without a frame.

    Reads wait up to `commit_window_s` for others to share their commit, those of `urgent` feeds not at all.

    `release` closes everything that was opened for it, lamps included. `exposure` is None where shutter
    and gain stay as they are, `lamp_board` where the lamps hang on none, `site` where the unit was not
    surveyed, `view` where no commissioning view was captured. `hourly` keeps what is usual, `last_reads` the
    last few without their plates. `devices` are those with a thread of their own, by its name.
    """

    source: FrameSource
    plates: PlateReader
    sealer: Sealer
    outbox: SqliteOutbox
    positioner: Positioner
    feeds: FeedGate
    live: bool
    release: Callable[[], None]
    faults: FrameFaults
    stall_after_s: float = 5.0
    exposure: ExposureKeeper | None = None
    lamp_board: LampBoard | None = None
    commit_window_s: float = 0.0
    urgent: frozenset[str] = frozenset()
    site: Place | None = None
    hourly: HourlyRecord | None = None
    last_reads: LastReads | None = None
    view: ViewWatch | None = None
    devices: Mapping[str, ThreadedDevice] = field(default_factory=dict)


class Reader:
    """Runs until its source ends or `stop` is set, then hands on every read it has begun."""

    def __init__(self, parts: ReaderParts, clock: Clock, notifier: Notifier, report: StateReport) -> None:
        self._parts = parts
        self._clock = clock
        self._notifier = notifier
        self._report = report
        self._stop = Event()
        limits_s = {"capture": parts.stall_after_s + STALL_MARGIN_S}
        self._watchdog = Watchdog("reader", clock, notifier, limits_s)
        self._heartbeats = self._watchdog.stages
        self._hear_helpers()
        self._stages = Stages(self._heartbeats, self._stop)
        self._frames: DropOldest[Frame] | Bounded[Frame] = (
            DropOldest(FRAMES_WAITING) if parts.live else Bounded(FRAMES_WAITING)
        )
        self._reads: Bounded[PlateRead] = Bounded(READS_WAITING)
        self._counts = Counters()
        self._frame_ms = Latencies()
        self._keeper = ReadKeeper(
            parts.outbox,
            parts.sealer,
            parts.feeds,
            clock,
            self._counts,
            window_s=parts.commit_window_s,
            may_drop=parts.live,
            urgent=parts.urgent,
        )
        self._rates = Rates(clock)
        self._stats = PlateStats(clock)
        self._sight = Sight()
        self._clock_steps = ClockSteps()
        self._whereabouts = Whereabouts(parts.site)
        self._tries_left = TRIES_AFTER_STOP
        self._commands: ReaderDesk | None = None
        self.start_again = False

    def stop(self) -> None:
        """Take no more frames; what is under way is still finished. Safe in a signal handler."""
        self._stop.set()

    def end_to_start_again(self) -> None:
        """Stop in order, and say that the service is to be started again."""
        self.start_again = True
        self._stop.set()

    def heed(self, commands: ReaderDesk) -> None:
        """Act on the fleet authority's commands, from `run` on."""
        self._commands = commands

    def watch_policy(self, watch: PolicyWatch, look_every_s: float) -> None:
        """End when `watch` has news; a watch that hangs counts as a stage that does."""
        watch.start(self.stop, look_every_s, self._heartbeats)

    def _hear_helpers(self) -> None:
        """Let everything that works in a thread of its own say that it does."""
        self._parts.outbox.on_progress = partial(self._heartbeats.beat, "commit")
        helpers = self._watchdog.helpers
        for name, device in self._parts.devices.items():
            helpers.beat(name)
            device.on_turn = partial(helpers.beat, name)
        if self._parts.view is not None:
            self._parts.view.comparing = partial(helpers.doing, "view")

    def run(self) -> None:
        """Block until done.

        Raises: whatever ended a stage: SourceStalled, SourceUnavailable, …
        """
        with (
            ExitStack() as ending
        ):  # last first, each whatever the others raise; a stage's failure outweighs all
            ending.callback(self._stages.raise_failure)
            ending.callback(self._say_how_it_ended)
            ending.callback(self._parts.release)
            ending.callback(self._notifier.stopping)
            ending.callback(self._drain)
            for stage, work in (("capture", self._capture), ("infer", self._infer), ("commit", self._commit)):
                self._stages.start(stage, work)
            self._notifier.ready()
            while self._stages.running():
                self._supervise()
                self._clock.sleep(SUPERVISE_S)

    def _drain(self) -> None:
        """Finish what is under way; nothing is left of it unless the supervision itself has failed."""
        if self._stages.running():
            self._stop.set()
            self._stages.join()

    def _supervise(self) -> None:
        self._watchdog.feed()
        state = self._report.write(self._state("stopping" if self._stop.is_set() else "running"))
        if state is not None and self._parts.hourly is not None:
            self._parts.hourly.take(state)
        if state is not None and self._parts.last_reads is not None:
            self._parts.last_reads.write()
        if self._commands is not None:
            self._commands.turn()

    def _say_how_it_ended(self) -> None:
        state = "failed" if self._stages.failed else "stopped" if self._stop.is_set() else "finished"
        own = self._state(state)
        self._report.write(own, force=True)
        frames, reads, dropped = own["frames"], own["reads"], sum(own["frames"]["dropped"].values())
        log.info(
            "%s: %d frames taken, %d processed, %d dropped; %d reads kept, %d lost",
            *(ENDINGS[state], frames["taken"], frames["processed"], dropped),
            *(reads["committed"], reads["lost"]),
        )

    # ── the three stages ────────────────────────────────────────────────────────────────────

    def _capture(self) -> None:
        try:
            while not self._stop.is_set():
                frame = self._parts.source.read()
                self._heartbeats.beat("capture")
                if frame is None:
                    break
                self._counts.add("taken")
                for fault in self._parts.faults.look(frame):
                    log.warning("%r: %s; anpr-edge doctor frames says what to do", frame, fault)
                self._put_frame(frame)
        finally:
            self._frames.close()

    def _put_frame(self, frame: Frame) -> None:
        if isinstance(self._frames, DropOldest):
            self._counts.add("queue-full", self._frames.put(frame))
            return
        while not self._frames.put(frame, POLL_S) and not self._stop.is_set():
            self._heartbeats.beat("capture")

    def _infer(self) -> None:
        try:
            while True:
                frame = self._frames.get(POLL_S)
                self._heartbeats.beat("infer")
                if frame is not None:
                    self._read_plates(frame)
        except Closed:
            self._hand_on(self._parts.plates.finish())
        finally:
            self._reads.close()

    def _read_plates(self, frame: Frame) -> None:
        try:
            self._hand_on(self._parts.plates.step(frame))
        except CaptureError as error:
            if not self._counts.state().get("unusable"):
                log.error("%r cannot be used: %s", frame, error)
            self._counts.add("unusable")
            return
        self._counts.add("processed")
        self._sight.look(frame, self._parts.plates.detections, self._parts.plates.looks)
        if self._parts.exposure is not None:
            self._parts.exposure.look(frame, self._parts.plates.detections)
        if self._parts.view is not None:
            exposure = self._parts.exposure.state() if self._parts.exposure else {}
            self._parts.view.look(frame, exposure.get("profile"))
        self._frame_ms.add((self._clock.now().mono_ns - frame.taken.mono_ns) / 1e6)

    def _hand_on(self, reads: Sequence[PlateRead]) -> None:
        for read in reads:
            placed = replace(read, fix=self._parts.positioner.fix())
            self._stats.add(read)
            if self._parts.last_reads is not None and not read.preview:
                self._parts.last_reads.add(read)
            try:
                while not self._reads.put(placed, POLL_S):
                    self._heartbeats.beat("infer")
            except Closed:
                self._lose(1)

    def _commit(self) -> None:
        try:
            while True:
                self._take_a_read()
                self._heartbeats.beat("commit")
                if (error := self._keeper.work()) is not None:
                    self._refused(error)
        except Closed:
            finish(self._keeper, self._refused_at_the_end)
        finally:
            self._reads.close()  # whoever hands on a read must not wait for a stage that has ended
            self._lose(len(self._keeper) + len(self._reads))

    def _take_a_read(self) -> None:
        wait_s = self._keeper.wait_s(POLL_S)
        if not self._keeper.has_room:
            self._clock.sleep(wait_s)
        elif (read := self._reads.get(wait_s)) is not None:
            self._keeper.take(read)

    def _refused(self, error: OutboxError | SignerUnavailable) -> None:
        """The reads are held and tried again; only a stop ends the trying, after a few times more."""
        if self._stop.is_set():
            self._tries_left -= 1
            if self._tries_left < 0:
                raise error

    def _refused_at_the_end(self, error: OutboxError | SignerUnavailable) -> None:
        self._heartbeats.beat("commit")
        self._refused(error)
        self._clock.sleep(RETRY_S)

    def _lose(self, count: int) -> None:
        """Count reads that nothing can keep any more."""
        if count:
            self._counts.add("lost", count)
            log.error("%d reads could not be kept and are lost", count)

    # ── what it says of itself ──────────────────────────────────────────────────────────────

    def _state(self, state: str) -> dict[str, Any]:
        counts, plates = self._counts.state(), self._parts.plates
        now, fix = self._clock.now(), self._parts.positioner.fix()
        last = self._keeper.last_read
        self._rates.note(counts)
        hour, why = self._stats.state()
        return {
            "state": state,
            **self._watchdog.state(),
            "rates": {stage: self._rates.per_s(count) for stage, count in STAGE_COUNTS.items()},
            "queues": {
                "frames": {"waiting": len(self._frames), "room": FRAMES_WAITING},
                "reads": {"waiting": len(self._reads), "room": READS_WAITING},
            },
            "frames": {
                "taken": counts.get("taken", 0),
                "processed": counts.get("processed", 0),
                "dropped": {cause: counts.get(cause, 0) for cause in ("queue-full", "unusable")},
                "faults": {fault: asdict(seen) for fault, seen in self._parts.faults.state().items()},
            },
            "reads": {
                "given": plates.counts.reads,
                "committed": counts.get("committed", 0),
                "unreadable": plates.counts.unreadable,
                "too_small": plates.counts.too_small,
                "unsealable": counts.get("unsealable", 0),
                "in_memory": len(self._keeper),
                "dropped": {"no-outbox": counts.get("no-outbox", 0)},
                "lost": counts.get("lost", 0),
                "last_age_s": None if last is None else round((now.mono_ns - last.mono_ns) / 1e9, 1),
                "last_utc": None if last is None else minute(last.utc_ns),
            },
            "plates": hour,
            "plates_why": why,
            "latency_ms": {
                "frame_p50": self._frame_ms.percentile(50),
                "frame_p95": self._frame_ms.percentile(95),
            },
            "sight": self._sight.state(),
            "exposure": self._parts.exposure.state() if self._parts.exposure else None,
            "lamp_board": asdict(self._parts.lamp_board.state()) if self._parts.lamp_board else None,
            "view": self._parts.view.state() if self._parts.view else None,
            "policy": self._parts.feeds.state(),
            "outbox_down": self._keeper.down,
            "outbox_rebuilds": self._parts.outbox.rebuilds,
            "lost_marks": self._parts.outbox.lost_marks,
            "clock": {"utc_error_ms": now.utc_error_ms, **self._clock_steps.look(now)},
            "fix": self._whereabouts.look(fix, now),
            "models": list(plates.model_ids),
        }
