"""`scripts/bench aim`: what the aim page takes while one browser looks at it.

The page runs as a unit runs it, in its two processes, and one client takes the live view over TLS. The
rendered road is no part of the page: what rendering takes is measured beside it, in the same minute on the
same machine, and taken off; both figures are printed. Processor time is the kernel's, so other work on the
machine does not count in it.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import tempfile
import time
from argparse import ArgumentParser, Namespace, _SubParsersAction
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit

from anpr_edge.aim.parcel import read_parcel
from anpr_edge.capture.synthetic import SyntheticRoad
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, progress, table
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.fleet.processes import end
from anpr_edge.fleet.rig import EDGE, build_rig
from scripts.benchmarks.machine import machine
from scripts.benchmarks.process import usage

SCHEMA: Final = 1
VEHICLES, SEED = 20, 1
FRAME_RATE: Final = 15.0
"""As many frames as the page can use, and a camera gives no fewer."""
STOP_WITHIN_S: Final = 15.0
RENDERED_FRAMES: Final = 100
WARM_FRAMES: Final = 10


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `aim`."""
    parser = commands.add_parser("aim", help="frames/s of the aim page, and how much of one core it takes")
    parser.add_argument("--seconds", type=whole(5, 600), default=20, help="how long (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(arguments.seconds)
    json_line(result) if arguments.json else show(result)
    return 0


def measure(seconds: float) -> dict[str, Any]:
    """The whole measurement as one JSON object.

    Raises: AnprError when the page cannot be opened.
    """
    camera = {
        "source": "synthetic",
        "frame_rate": FRAME_RATE,
        "synthetic": {"vehicles": VEHICLES, "seed": SEED},
    }
    progress("opening the page")
    with tempfile.TemporaryDirectory(prefix="anpr-bench-") as name:
        rig = build_rig(Path(name), camera, SystemClock())
        command = [*EDGE, "aim", "--config", str(rig.config), "--port", "0", "--json"]
        with rig.log("aim").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = cast(IO[str], process.stdout).readline()
            if not line:
                raise AnprError(f"the page did not open: {rig.log('aim').read_text().strip()}")
            seen = _look(json.loads(line)["link"], process.pid, seconds)
        finally:
            end(process, STOP_WITHIN_S)
    progress("")
    render_ms = _render_ms()
    own = seen["processor_share"] - render_ms * seen["source_per_s"] / 1e3
    return {
        "schema": SCHEMA,
        "bench": "aim",
        "machine": machine(),
        **seen,
        "render_ms": round(render_ms, 2),
        "page_share": round(own, 4),
    }


def _look(link: str, server_pid: int, seconds: float) -> dict[str, Any]:
    """Enter, take the live view for a while, and see what both processes have used meanwhile."""
    answer = _enter(link)
    for _ in range(WARM_FRAMES):
        _next_picture(answer)
    pids = [server_pid, *_children(server_pid)]
    before, began = _processor_s(pids), time.monotonic()
    frames = picture_bytes = plates = 0
    first = last = 0
    while (took := time.monotonic() - began) < seconds:
        progress(f"looking for {took:.0f}/{seconds:.0f} s")
        facts, size = _next_picture(answer)
        first, last = first or facts["seq"], facts["seq"]
        frames, picture_bytes, plates = frames + 1, picture_bytes + size, plates + len(facts["plates"])
    used_s = _processor_s(pids) - before
    answer.close()
    return {
        "seconds": round(took, 1),
        "frames_per_s": round(frames / took, 2),
        "source_per_s": round(max(0, last - first) / took, 2),
        "kbytes_per_frame": round(picture_bytes / max(1, frames) / 1e3, 1),
        "plates_per_frame": round(plates / max(1, frames), 2),
        "processor_share": round(used_s / took, 4),
    }


def _enter(link: str) -> HTTPResponse:
    parts = urlsplit(link)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=60)
    headers = {"Origin": f"https://{parts.netloc}", "Content-Type": "application/json"}
    connection.request("POST", "/enter", json.dumps({"token": parts.fragment}), headers)
    entered = connection.getresponse()
    cookie = (entered.getheader("Set-Cookie") or "").partition(";")[0]
    entered.read()
    connection.request("GET", "/live", headers={"Cookie": cookie})
    return connection.getresponse()


def _next_picture(answer: HTTPResponse) -> tuple[Any, int]:
    while (parcel := read_parcel(cast(Any, answer))) is not None:
        if parcel.picture:
            return parcel.facts, len(parcel.picture)
    raise AnprError("the page ended while it was measured")


def _children(pid: int) -> list[int]:
    tasks = (Path("/proc") / str(pid) / "task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _processor_s(pids: list[int]) -> float:
    return sum(one.processor_s for pid in pids if (one := usage(pid)))


def _render_ms() -> float:
    """Processor time that one frame of the same road takes to render."""
    road = SyntheticRoad(SystemClock(), frame_rate=FRAME_RATE, vehicles=VEHICLES, seed=SEED, paced=False)
    began = time.process_time()
    for number in range(RENDERED_FRAMES):
        road.render(number * road.frame_count // RENDERED_FRAMES)
    return (time.process_time() - began) * 1e3 / RENDERED_FRAMES


def show(result: dict[str, Any]) -> None:
    """Print the measurement for a person."""
    where = result["machine"]
    print(f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}\n")
    table(["", "aim page, one browser"], [[title, value(result)] for title, value in _LINES])


_LINES: Final = (
    ("frames/s delivered", lambda result: result["frames_per_s"]),
    ("of one core, both processes, %", lambda result: f"{100 * result['page_share']:.1f}"),
    ("… with rendering the road, %", lambda result: f"{100 * result['processor_share']:.1f}"),
    ("rendering, ms a frame", lambda result: result["render_ms"]),
    ("frames/s rendered", lambda result: result["source_per_s"]),
    ("kB a picture", lambda result: result["kbytes_per_frame"]),
    ("plates a frame", lambda result: result["plates_per_frame"]),
    ("seconds measured", lambda result: result["seconds"]),
)
