"""The eye: a process of its own that has the camera and no network, and gives away only what may be seen.

The page's server has the network and never a whole picture: it gets parcels over a pipe. So what
holds for the reader holds here too: the process that sees plates has no network (docs/architecture.md).

    capture ── frames (drops the oldest) ──▶ look ── parcels ──▶ standard output

It ends when its standard input does, in whatever way the server ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import sys
import time
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, BinaryIO, Final

from anpr_edge.aim.looker import Looker, load_eyes
from anpr_edge.aim.parcel import Parcel
from anpr_edge.config import Config, load_config
from anpr_edge.daemon.exposing import ExposureKeeper
from anpr_edge.daemon.queues import Bounded, Closed, DropOldest
from anpr_edge.daemon.wiring_reader import build_exposure, build_lamps, build_source, build_view, is_live
from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.illuminator import PwmIlluminator
from anpr_edge.devices.lamp_board import LampBoard
from anpr_edge.errors import AnprError, CaptureError
from anpr_edge.records import Frame
from anpr_edge.seams import Clock, FrameSource
from anpr_edge.vision.signature import ViewGatherer

LOOKS_PER_S: Final = 12.0
"""Frames shown a second: enough to turn a lens by, and half a core left on a Pi."""
REST_LOOKS_PER_S: Final = 1.0
"""While nobody looks: exposure is kept, and little else."""
COMMISSION_FRAMES: Final = 48
"""Four seconds: what drives by is gone from most of them."""
RETRY_S: Final = 2.0
WAIT_S: Final = 0.25
END_WITHIN_S: Final = 3.0
"""For lamps and camera to be put away in order; a camera that hangs gets no longer."""
CLONE_NEWNET: Final = 0x40000000
"""Source: linux/sched.h; unshare(2)."""


class Eye:
    """Takes frames from a source and writes parcels to `out`, at the pace that is asked for."""

    def __init__(self, config: Config, config_path: Path, clock: Clock, out: BinaryIO) -> None:
        self._config, self._path, self._clock, self._out = config, config_path, clock, out
        eyes = load_eyes(config.models.directory, 1, config.models.detector_score_min)
        self._looker = Looker(eyes, build_view(config.view), config.camera.frame_rate)
        self._lock = Lock()
        self._stop = Event()
        self._watched = False
        self._gatherer: ViewGatherer | None = None
        self._next_ns = 0

    def obey(self, order: dict[str, Any]) -> None:
        """Do what the server asks: watch, rest, peak, commission, reload or stop."""
        what = order.get("do")
        with self._lock:
            if what in ("watch", "rest"):
                self._watched, self._next_ns = what == "watch", 0
            elif what == "peak":
                self._looker.reset_peaks()
            elif what == "commission":
                self._gatherer = ViewGatherer()
            elif what == "reload":
                self._looker.view = build_view(load_config(self._path).view)
            elif what == "stop":
                self._stop.set()

    def run(self) -> None:
        """Until told to stop; a source that fails is said, and tried again."""
        lamps = self._lamps()
        try:
            while not self._stop.is_set():
                try:
                    with closing(build_source(self._config, self._clock)) as source:
                        self._follow(source, build_exposure(self._config, source, lamps))
                except CaptureError as error:
                    self.say({"fault": str(error), "hint": error.hint})
                    self._stop.wait(RETRY_S)
        finally:
            if lamps is not None:
                lamps.close()

    def _lamps(self) -> PwmIlluminator | LampBoard | None:
        lamps, settings = build_lamps(self._config, self._clock), self._config.illuminator
        if lamps is not None and settings is not None:
            lamps.set_level(settings.level)
        return lamps

    def _follow(self, source: FrameSource, exposure: ExposureKeeper | None) -> None:
        """Look at a source's frames until it ends. Raises: CaptureError."""
        live = is_live(self._config)
        frames: DropOldest[Frame] | Bounded[Frame] = DropOldest(1) if live else Bounded(1)
        capture = _Capture(source, frames, self._looker, self._stop)
        capture.start()
        try:
            while not self._stop.is_set():
                self._pause()
                frame = frames.get(WAIT_S)
                if frame is not None:
                    self._look(frame, exposure)
        except Closed:
            pass
        finally:
            frames.close()
            capture.join()
        if capture.failure is not None:
            raise capture.failure

    def _pause(self) -> None:
        """Wait until the next look is due; orders are heard meanwhile."""
        now_ns = self._clock.now().mono_ns
        while now_ns < self._next_ns and not self._stop.is_set():
            self._clock.sleep(min(0.05, (self._next_ns - now_ns) / 1e9))
            now_ns = self._clock.now().mono_ns
        rate = LOOKS_PER_S if self._watched or self._gatherer else REST_LOOKS_PER_S
        self._next_ns = max(now_ns, self._next_ns) + round(1e9 / rate)

    def _look(self, frame: Frame, exposure: ExposureKeeper | None) -> None:
        with self._lock:
            state = _in_words(exposure.state()) if exposure else {}
            parcel = self._looker.look(frame, state)
            if exposure:
                exposure.look(frame, self._looker.found)
            view = self._gathered(frame)
        if self._watched or view:
            self.say({**parcel.facts, "view": view}, parcel.picture if self._watched else b"")

    def _gathered(self, frame: Frame) -> dict[str, Any] | None:
        """The commissioning view once enough frames are together; how far it is until then."""
        if self._gatherer is None:
            return None
        self._gatherer.add(frame.pixels)
        done = self._gatherer.frames / COMMISSION_FRAMES
        if done < 1:
            return {"done": round(done, 2)}
        signature = self._gatherer.signature().to_json()
        self._gatherer = None
        return {"done": 1.0, "signature": signature}

    def say(self, facts: dict[str, Any], picture: bytes = b"") -> None:
        """Give one parcel away."""
        try:
            self._out.write(Parcel(facts, picture).encode())
            self._out.flush()
        except OSError:  # the server is gone
            self._stop.set()


class _Capture(Thread):
    """Takes frames as they come, so that the rate is the camera's own and the newest is at hand."""

    def __init__(
        self, source: FrameSource, frames: DropOldest[Frame] | Bounded[Frame], looker: Looker, stop: Event
    ) -> None:
        super().__init__(name="capture", daemon=True)
        self._source, self._frames, self._looker, self._told = source, frames, looker, stop
        self.failure: CaptureError | None = None

    def run(self) -> None:
        try:
            while not self._told.is_set() and (frame := self._source.read()) is not None:
                self._looker.rate.add(frame.taken.mono_ns)
                self._hand_on(frame)
        except CaptureError as error:
            self.failure = error
        except Closed:
            pass
        finally:
            self._frames.close()

    def _hand_on(self, frame: Frame) -> None:
        if isinstance(self._frames, DropOldest):
            self._frames.put(frame)
            return
        while not self._frames.put(frame, WAIT_S) and not self._told.is_set():
            pass


def _in_words(state: dict[str, Any]) -> dict[str, Any]:
    """What exposure control says, as the page shows it."""
    if not state:
        return {}
    lamps = "" if state["lamp_level"] is None else f", lamps {100 * state['lamp_level']:.0f} %"
    words = f"{state['shutter_us']} µs, gain {state['gain']:.1f}{lamps}"
    return {
        "words": words,
        "limit": state["limit"],
        "profile": state["profile"],
        "fault": state["lamp_fault"],
    }


def shut_in(*, network: bool) -> bool:
    """Leave the network behind, and leave no core dump; False when the system does not let us do the first.

    `network` is for cameras that are reached over one.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if network:
        return False
    return bool(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0)


def main() -> int:
    """The process; started by the page's server alone."""
    parser = ArgumentParser(prog="anpr_edge.aim.eye")
    parser.add_argument("--config", type=Path, required=True)
    path = parser.parse_args().config
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not come between the parcels
    try:
        config = load_config(path)
        apart = shut_in(network="://" in (config.camera.location or ""))
        eye = Eye(config, path, SystemClock(), out)
        eye.say({"ready": True, "apart": apart})
        Thread(target=_hear, args=(eye,), name="orders", daemon=True).start()
        eye.run()
    except AnprError as error:
        with contextlib.suppress(OSError):
            out.write(Parcel({"ended": str(error), "hint": error.hint}).encode())
            out.flush()
        return error.exit_code
    return 0


def _hear(eye: Eye) -> None:
    """Orders, a line each; the end of them is the end of the eye, whatever it is doing."""
    for line in sys.stdin.buffer:
        with contextlib.suppress(AnprError, ValueError):
            eye.obey(json.loads(line))
    eye.obey({"do": "stop"})
    time.sleep(END_WITHIN_S)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
