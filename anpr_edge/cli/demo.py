"""`anpr-edge demo`: the whole way of the data on this machine, from a frame to a decrypted read."""

from __future__ import annotations

import argparse
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.demo_summary import Comparison
from anpr_edge.cli.demo_view import DemoView
from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import counted
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError, UsageError
from anpr_edge.fleet.processes import end
from anpr_edge.seams import Clock

if TYPE_CHECKING:
    from anpr_edge.fleet.rig import Rig

DESCRIPTION = """Start a broker with TLS and client certificates on loopback, make a unit and a centre with
fresh keys, and run reader, uplink and subscriber as processes of their own. The reads that the centre has
verified and decrypted are printed as they come, beside the truth where it is known (the rendered road), then
a summary. Ends by itself and leaves nothing behind. Exit code 1 when a rendered vehicle gave no read.

  anpr-edge demo                         a rendered infrared road, whose plates are fiction
  anpr-edge demo --images FOLDER         still pictures, each a scene of its own
  anpr-edge demo --video clip.mp4        a file, an rtsp:// address or /dev/videoN"""

DRAIN_WITHIN_S = 20.0
STOP_WITHIN_S = 10.0
POLL_S = 0.1


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="run a broker, a unit and a centre here, over a rendered road",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="read still pictures instead (files named .jpg, .png, …)",
    )
    source.add_argument("--video", metavar="SOURCE", help="read a file, rtsp:// address or /dev/videoN")
    parser.add_argument(
        "--vehicles", type=whole(1, 1000), default=6, metavar="N", help="rendered vehicles (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=whole(0, 2**31 - 1), default=1, help="which rendered clip (%(default)s)"
    )
    parser.add_argument(
        "--seconds", type=between(0.1), default=30.0, help="how long to watch a live stream (%(default)s)"
    )
    parser.add_argument("--show-plates", action="store_true", help="do not mask what real pictures show")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work in this new folder and keep it")
    parser.add_argument("--json", action="store_true", help="print only the summary, as one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 when every vehicle whose truth is known was captured, else 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    clock = SystemClock()
    rendered = args.images is None and args.video is None
    comparison = Comparison(_truth(args, clock) if rendered else ())
    view = DemoView(comparison, clock, rendered=rendered, unmasked=args.show_plates, as_json=args.json)
    with _folder(args.keep) as directory:
        reader_state = _Demo(args, view, clock).run(directory)
    view.summarise(reader_state)
    return 0 if comparison.captured == len(comparison.truth) else 1


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="anpr-demo-") as name:
            yield Path(name)
        return
    if keep.exists():
        raise UsageError(f"--keep {keep}: exists already", hint="name a folder that does not exist yet")
    keep.mkdir(parents=True)
    yield keep.resolve()


def _truth(args: argparse.Namespace, clock: Clock) -> tuple[str, ...]:
    """The plates of the rendered road, by the seed the reader renders it with."""
    from anpr_edge.capture.synthetic import SyntheticRoad

    road = SyntheticRoad(clock, vehicles=args.vehicles, seed=args.seed)
    return tuple(passage.plate_text for passage in road.truth)


def camera_section(args: argparse.Namespace) -> dict[str, Any]:
    """The unit's `[camera]` section for what the demo is to read.

    Raises: UsageError when it is not there.
    """
    if args.images is not None:
        if not args.images.exists():
            raise UsageError(f"--images {args.images}: no such file or folder")
        return {"source": "images", "location": str(args.images.resolve())}
    if args.video is None:
        return {"source": "synthetic", "synthetic": {"vehicles": args.vehicles, "seed": args.seed}}
    if "://" in args.video:
        return {"source": "video", "location": args.video}
    if not Path(args.video).exists():
        raise UsageError(f"--video {args.video}: no such file or device")
    return {"source": "video", "location": str(Path(args.video).resolve())}


def _is_live(video: str | None) -> bool:
    return video is not None and ("://" in video or video.startswith("/dev/"))


class _Demo:
    """One run: three processes and a broker, watched until everything read has arrived."""

    def __init__(self, args: argparse.Namespace, view: DemoView, clock: Clock) -> None:
        self._args = args
        self._view = view
        self._clock = clock
        self._lines: Queue[str] = Queue()
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def run(self, directory: Path) -> dict[str, Any]:
        """Provision, run to the end and stop everything; returns the reader's last state.

        Raises: AnprError when a process fails; the end of its log is in the message.
        """
        from anpr_edge.fleet.rig import build_rig

        self._view.say("making an authority, a broker, a unit and a centre, all with keys of their own")
        rig = build_rig(directory, camera_section(self._args), self._clock)
        with ExitStack() as running:
            running.enter_context(rig.broker())
            self._view.say(
                f"broker on {rig.listener.address}:{rig.listener.port}, TLS 1.3, certificates both ways"
            )
            centre = self._start(running, "centre", rig.start_centre("--jsonl", "--show-plates"))
            Thread(target=self._collect, args=(centre,), daemon=True).start()
            self._start(running, "uplink", rig.start_uplink())
            self._start(running, "reader", rig.start_reader())
            for feed in rig.unit.feeds:
                self._view.say(f"unit {rig.unit.unit} reads {self._what()} for {feed.name}: {feed.purpose}")
            self._view.reading()
            self._watch(rig)
            return rig.state("reader")

    def _what(self) -> str:
        return str(
            self._args.images
            or self._args.video
            or f"a rendered road, {counted(self._args.vehicles, 'vehicle')}"
        )

    def _start(self, running: ExitStack, name: str, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        running.callback(end, process, STOP_WITHIN_S)
        self._processes[name] = process
        return process

    def _collect(self, centre: subprocess.Popen[str]) -> None:
        for line in centre.stdout or ():
            self._lines.put(line)

    def _watch(self, rig: Rig) -> None:
        """Show reads until the reader has ended and the centre has acknowledged everything."""
        reader = self._processes["reader"]
        live_ends_s = self._view.elapsed_s() + self._args.seconds
        while reader.poll() is None:
            self._show_lines()
            self._check(rig)
            if _is_live(self._args.video) and self._view.elapsed_s() > live_ends_s:
                reader.terminate()
        drain_ends_s = self._view.elapsed_s() + DRAIN_WITHIN_S
        while not _drained(rig):
            self._show_lines()
            self._check(rig)
            if self._view.elapsed_s() > drain_ends_s:
                link = rig.state("uplink").get("link", {}).get("detail", "nothing")
                raise AnprError(
                    f"not every read was acknowledged within {DRAIN_WITHIN_S:.0f} s", hint=f"uplink: {link}"
                )
        self._show_lines()

    def _show_lines(self) -> None:
        """Show what the centre has printed, waiting a little for the first line."""
        try:
            self._view.show(self._lines.get(timeout=POLL_S))
            while True:
                self._view.show(self._lines.get_nowait())
        except Empty:
            return

    def _check(self, rig: Rig) -> None:
        """Fail with the log's last words when a process has ended that should not have."""
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None and not (name == "reader" and code == 0):
                words = rig.log(name).read_text(errors="replace").strip().splitlines()[-3:]
                raise AnprError(f"{name} ended with {code}: {' | '.join(words) or 'no word'}")


def _drained(rig: Rig) -> bool:
    """True when the uplink has seen the centre's watermark cover every read that was committed.

    The uplink's state is written each second; one from before the reader's end proves nothing.
    """
    uplink, reader = rig.state("uplink"), rig.state("reader")
    fresh = uplink.get("mono_s", 0) > reader.get("mono_s", 0)
    feeds = uplink.get("outbox", {}).values()
    return fresh and all(feed["waiting"] == feed["sent"] == 0 for feed in feeds)
