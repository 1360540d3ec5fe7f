"""`scripts/bench reader`: the reader service as a unit runs it. Format: docs/reader-bench.md.

The road is rendered here and kept in a file first, so that the renderer's memory and work are not the
reader's. Three runs: the file at a camera's rate; the file as fast as it can be read (`flat-out`), which
shows what the reader could do; and the rendered source inside the reader, which is live and loses frames
rather than wait.
"""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
import time
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2

from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import counted, json_line, progress, table
from anpr_edge.config import load_config
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.fleet.processes import end
from anpr_edge.fleet.rig import Rig, build_rig
from scripts.benchmarks.machine import machine
from scripts.benchmarks.process import Usage, usage

SCHEMA: Final = 1
SOURCES: Final = ("video", "flat-out", "rendered")
WIDTH_PX, HEIGHT_PX = 1280, 720
CAMERA_RATE: Final = 30.0
FLAT_OUT_RATE: Final = 1000.0
"""A file that says so is read without waiting: no frame is ever early."""
JPEG_QUALITY: Final = 95
"""One grey level off on average, and cheap to decode; a camera's frames cost nothing to decode."""
LOOK_EVERY_S: Final = 0.02
GIVE_UP_AFTER_S: Final = 180.0
STOP_WITHIN_S: Final = 15.0


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `reader`."""
    parser = commands.add_parser("reader", help="start to first read, memory and frames/s of the service")
    parser.add_argument("--vehicles", type=whole(1, 1000), default=4, help="rendered vehicles (%(default)s)")
    parser.add_argument(
        "--seed", type=whole(0, 2**31 - 1), default=1, help="which rendered clip (%(default)s)"
    )
    parser.add_argument(
        "--source",
        nargs="+",
        choices=SOURCES,
        default=SOURCES,
        help="a video file at its own rate, the same as fast as it goes, the rendered road (all three)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(arguments.vehicles, arguments.seed, arguments.source)
    json_line(result) if arguments.json else show(result)
    return 0


def measure(vehicles: int, seed: int, sources: Sequence[str] = SOURCES) -> dict[str, Any]:
    """The whole measurement as one JSON object.

    Raises: AnprError when the reader fails; its last words are in the message.
    """
    road = SyntheticRoad(
        SystemClock(), width=WIDTH_PX, height=HEIGHT_PX, vehicles=vehicles, seed=seed, paced=False
    )
    first_gone_s = min(passage.last_frame for passage in road.truth) / CAMERA_RATE
    with tempfile.TemporaryDirectory(prefix="anpr-bench-") as name:
        folder = Path(name)
        cameras: dict[str, Callable[[], dict[str, Any]]] = {
            "video": lambda: _video(road, folder / "clip.avi", CAMERA_RATE),
            "flat-out": lambda: _video(road, folder / "flat-out.avi", FLAT_OUT_RATE),
            "rendered": lambda: {"source": "synthetic", "synthetic": {"vehicles": vehicles, "seed": seed}},
        }
        runs = [_run(folder / f"rig-{source}", source, cameras[source]()) for source in sources]
    progress("")
    return {
        "schema": SCHEMA,
        "bench": "reader",
        "machine": machine(),
        "clip": {
            "size": f"{WIDTH_PX}x{HEIGHT_PX}",
            "frames": road.frame_count,
            "frames_per_s": CAMERA_RATE,
            "vehicles": len(road.truth),
            "first_plate_gone_s": round(first_gone_s, 2),
        },
        "runs": runs,
    }


def _video(road: SyntheticRoad, path: Path, rate: float) -> dict[str, Any]:
    """Keep the whole clip in a file that says it has `rate` frames/s; returns the unit's camera section.

    Raises: AnprError when OpenCV cannot write it.
    """
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, codec, rate, (WIDTH_PX, HEIGHT_PX))
    if not writer.isOpened():
        raise AnprError(f"{path}: OpenCV cannot write a Motion JPEG file")
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, JPEG_QUALITY)
    for seq in range(road.frame_count):
        progress(f"rendering {seq + 1}/{road.frame_count}")
        writer.write(cv2.cvtColor(road.render(seq), cv2.COLOR_GRAY2BGR))
    writer.release()
    return {"source": "video", "location": str(path)}


def _run(folder: Path, source: str, camera: Mapping[str, Any]) -> dict[str, Any]:
    """One run of the reader, from its start until its source ends."""
    progress(f"the reader runs: {source}")
    rig = build_rig(folder, camera, SystemClock())
    started = time.perf_counter()
    process = rig.start_reader()
    try:
        watched = _watch(rig, process, started)
    finally:
        end(process, STOP_WITHIN_S)
    if process.returncode != 0:
        words = rig.log("reader").read_text(errors="replace").strip().splitlines()[-3:]
        raise AnprError(f"the reader ended with {process.returncode}: {' | '.join(words) or 'no word'}")
    return {"source": source, "threads": load_config(rig.config).models.threads, **watched.figures(rig)}


@dataclass(slots=True)
class _Watched:
    """What was seen of a reader from outside, in seconds since its start."""

    running_s: float | None = None
    first_read_s: float | None = None
    at_start: Usage | None = None
    frames_at_start: int = 0
    last: Usage | None = None

    def look(self, rig: Rig, pid: int, now_s: float) -> None:
        self.last = usage(pid) or self.last
        if self.running_s is None and "frames" in (state := rig.state("reader")):
            self.running_s, self.at_start = now_s, self.last
            self.frames_at_start = state["frames"]["processed"]
        if self.first_read_s is None and _has_read(rig.unit.state_dir / "outbox.db"):
            self.first_read_s = now_s

    def figures(self, rig: Rig) -> dict[str, Any]:
        """Its part of the result, with what the reader said of itself last."""
        state = rig.state("reader")
        frames, uptime_s = state["frames"], state["uptime_s"]
        return {
            "running_s": _rounded(self.running_s, 2),
            "first_read_s": _rounded(self.first_read_s, 2),
            "resident_mb": _rounded(self.last.resident_mb if self.last else None, 1),
            "peak_mb": _rounded(self.last.peak_mb if self.last else None, 1),
            "frames": frames,
            "frames_per_s": round(frames["processed"] / uptime_s, 1),
            "processor_ms_per_frame": _rounded(self._processor_ms(frames["processed"]), 2),
            "latency_ms": {name: _rounded(ms, 2) for name, ms in state["latency_ms"].items()},
            "reads": state["reads"]["committed"],
        }

    def _processor_ms(self, processed: int) -> float | None:
        """Processor time for each frame once the models were loaded."""
        if self.at_start is None or self.last is None or processed <= self.frames_at_start:
            return None
        used_s = self.last.processor_s - self.at_start.processor_s
        return used_s * 1e3 / (processed - self.frames_at_start)


def _watch(rig: Rig, process: subprocess.Popen[str], started: float) -> _Watched:
    watched = _Watched()
    while process.poll() is None:
        now_s = time.perf_counter() - started
        if now_s > GIVE_UP_AFTER_S:
            raise AnprError(f"the reader did not end within {GIVE_UP_AFTER_S:.0f} s")
        watched.look(rig, process.pid, now_s)
        time.sleep(LOOK_EVERY_S)
    return watched


def _has_read(outbox: Path) -> bool:
    """True once a read is committed."""
    if not outbox.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as database:
            return database.execute("SELECT 1 FROM reads LIMIT 1").fetchone() is not None
    except sqlite3.OperationalError:  # its tables are just being made
        return False


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def show(result: dict[str, Any]) -> None:
    """Print the measurement for a person."""
    where, clip = result["machine"], result["clip"]
    vehicles = counted(clip["vehicles"], "vehicle")
    print(f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}")
    print(
        f"clip: {clip['size']}, {clip['frames']} frames at {clip['frames_per_s']:.0f}/s, "
        f"{vehicles}; its first plate is gone after {clip['first_plate_gone_s']} s\n"
    )
    runs = result["runs"]
    table(["", *(one["source"] for one in runs)], [[title, *map(value, runs)] for title, value in _LINES])


_LINES: Final = (
    ("start to running, s", lambda run: run["running_s"]),
    ("start to first committed read, s", lambda run: run["first_read_s"]),
    ("memory at the end, MB", lambda run: run["resident_mb"]),
    ("memory at its highest, MB", lambda run: run["peak_mb"]),
    ("frames processed", lambda run: run["frames"]["processed"]),
    ("frames dropped", lambda run: sum(run["frames"]["dropped"].values())),
    ("frames/s", lambda run: run["frames_per_s"]),
    ("processor ms a frame", lambda run: run["processor_ms_per_frame"]),
    ("taken to done, p50 / p95 ms", lambda run: "{frame_p50} / {frame_p95}".format(**run["latency_ms"])),
    ("reads committed", lambda run: run["reads"]),
    ("threads in each model", lambda run: run["threads"]),
)
