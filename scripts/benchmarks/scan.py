"""`scripts/bench scan`: milliseconds a still picture on one thread, ours and the peer's side by side.

Both start from the decoded picture: ours from its luma, as the camera gives it, the peer's from its
colours. They take turns picture by picture, so that whatever else the machine does slows both; processor
time is the fairer figure on a machine that is not idle.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import counted, json_line, progress
from anpr_edge.cli.scan_reading import PictureReader, ScannedPicture
from anpr_edge.config import find_models_directory
from anpr_edge.errors import UsageError
from anpr_edge.vision.closeup import close_up_model
from anpr_edge.vision.pixels import MAX_SIDE_PX, MIN_SIDE_PX
from anpr_edge.vision.tflite import TfliteModel
from scripts.benchmarks.machine import machine, resident_mb
from scripts.benchmarks.metrics import percentiles
from scripts.benchmarks.peer import Peer

SCHEMA = 1
WARM_UP = 5
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `scan`."""
    parser = commands.add_parser("scan", help="milliseconds a still picture, one thread")
    parser.add_argument(
        "pictures", type=Path, metavar="DIR", help="folder with pictures, searched to the bottom"
    )
    parser.add_argument(
        "--peer", type=Path, metavar="DIR", help="folder with the fast-alpr models, timed beside"
    )
    parser.add_argument("--models", type=Path, default=find_models_directory(), metavar="DIR")
    parser.add_argument(
        "--limit", type=whole(1), default=200, metavar="N", help="pictures at most (%(default)s)"
    )
    parser.add_argument("--at", type=_size, metavar="WxH", help="bring every picture to this size first")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(
        arguments.pictures, arguments.models, arguments.peer, limit=arguments.limit, size=arguments.at
    )
    json_line(result) if arguments.json else print(report(result))
    return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    side = whole(MIN_SIDE_PX, MAX_SIDE_PX)
    return side(width), side(height)


def measure(
    pictures: Path, models: Path, peer: Path | None, *, limit: int, size: tuple[int, int] | None
) -> dict[str, Any]:
    """The whole measurement as one JSON object.

    Raises: ModelError, or UsageError when there are no pictures or the peer is not there.
    """
    ours = PictureReader.load(models)
    ours.scan("warm-up", np.zeros((720, 1280), np.uint8))
    memory_mb = resident_mb()
    colours = list(_load(pictures, limit, size))
    if not colours:
        raise UsageError(f"{pictures}: no pictures", hint=f"looked for {', '.join(sorted(SUFFIXES))}")
    lumas = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8) for picture in colours]
    for luma in lumas[:WARM_UP]:
        ours.scan("warm-up", luma)
    other = Peer(peer) if peer else None
    if other:
        for picture in colours[:WARM_UP]:
            other.read(picture)

    turns = _in_turns(ours, other, lumas, colours)
    loaded = {model.card.name: model for model in _loaded(models)}
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "bench": "scan",
        "machine": machine(),
        "runtime": loaded["detector"].runtime,
        "models": list(ours.model_ids),
        "pictures": len(colours),
        "size": f"{size[0]}x{size[1]}" if size else "as they are",
        "plates": sum(len(one.plates) for one in turns.scanned),
        "ms": {
            "detect": percentiles([one.detect_ms for one in turns.scanned]),
            "read": percentiles([one.read_ms for one in turns.scanned]),
            "total": percentiles([one.detect_ms + one.read_ms for one in turns.scanned]),
            "processor": percentiles(turns.ours_cpu_ms),
        },
        "model_ms": {name: _model_ms(model) for name, model in loaded.items()},
        "resident_mb": memory_mb,
    }
    if other:
        result["peer_ms"] = {
            "total": percentiles(turns.peer_ms),
            "processor": percentiles(turns.peer_cpu_ms),
        }
        result["times_faster"] = {
            stage: round(result["peer_ms"][stage]["p50"] / result["ms"][stage]["p50"], 1)
            for stage in ("total", "processor")
        }
    return result


@dataclass(slots=True)
class _Turns:
    """What every picture took, by the clock and in processor time, ours and the peer's."""

    scanned: list[ScannedPicture] = field(default_factory=list)
    ours_cpu_ms: list[float] = field(default_factory=list)
    peer_ms: list[float] = field(default_factory=list)
    peer_cpu_ms: list[float] = field(default_factory=list)


def _in_turns(
    ours: PictureReader, peer: Peer | None, lumas: list[NDArray[np.uint8]], colours: list[NDArray[Any]]
) -> _Turns:
    turns = _Turns()
    for number, (luma, picture) in enumerate(zip(lumas, colours, strict=True), start=1):
        progress(f"{number}/{len(colours)}")
        cpu = time.thread_time()
        turns.scanned.append(ours.scan(str(number), luma))
        turns.ours_cpu_ms.append((time.thread_time() - cpu) * 1e3)
        if peer:
            started, cpu = time.perf_counter(), time.thread_time()
            peer.read(picture)
            turns.peer_cpu_ms.append((time.thread_time() - cpu) * 1e3)
            turns.peer_ms.append((time.perf_counter() - started) * 1e3)
    progress("")
    return turns


def report(result: dict[str, Any]) -> str:
    """The measurement for a person."""
    where = result["machine"]
    lines = [
        f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}",
        f"{result['runtime']}, 1 thread, {', '.join(result['models'])}",
        f"{counted(result['pictures'], 'picture')} ({result['size']}), {counted(result['plates'], 'plate')}",
        f"{'':22}{'p50 ms':>8}{'p95 ms':>8}",
    ]
    rows = list(result["ms"].items())
    rows += [(f"fast-alpr {stage}", values) for stage, values in result.get("peer_ms", {}).items()]
    lines += [f"{name:22}{values['p50']:8.2f}{values['p95']:8.2f}" for name, values in rows]
    lines.append(
        "inside the models alone: " + ", ".join(f"{k} {v} ms" for k, v in result["model_ms"].items())
    )
    lines.append(f"memory with the models loaded: {result['resident_mb']} MB")
    if "times_faster" in result:
        by_clock, by_processor = result["times_faster"].values()
        lines.append(f"the peer takes {by_clock} times as long, {by_processor} times the processor time")
    return "\n".join(lines)


def _load(pictures: Path, limit: int, size: tuple[int, int] | None) -> Iterable[NDArray[Any]]:
    paths = sorted(path for path in pictures.rglob("*") if path.suffix.lower() in SUFFIXES)
    step = max(1, len(paths) // limit)
    for path in paths[::step][:limit]:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is not None:
            yield cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if size else picture


def _loaded(models: Path) -> Iterator[TfliteModel]:
    """Each model of the folder by itself."""
    yield TfliteModel.load(models, "detector")
    close = close_up_model(models)
    if close:
        yield close
    yield TfliteModel.load(models, "recogniser")


def _model_ms(model: TfliteModel, repeats: int = 50) -> float:
    """Median milliseconds inside a model alone; what a stage takes on top is the code around it."""
    picture = np.zeros(model.input_shape, np.int8)
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        model.run_int8(picture)
        taken.append((time.perf_counter() - started) * 1e3)
    return round(float(np.median(taken)), 3)
