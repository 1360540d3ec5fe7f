"""`scripts/bench memory`: does the pipeline's memory grow over many frames? Format: docs/pipeline-bench.md.

Clips are rendered into a file first and shown over and over with time going on, another clip each time.
"""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from anpr_edge.capture.render.conditions import CONDITIONS
from anpr_edge.capture.render.flow import Flow
from anpr_edge.capture.render.stage import Stage
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, progress
from anpr_edge.config import find_models_directory
from anpr_edge.records import Frame, Instant
from scripts.benchmarks.machine import machine, resident_mb
from scripts.benchmarks.pipeline_clips import RawClip, render
from scripts.benchmarks.traffic_clips import FRAME_RATE, SPACINGS_S, Clip
from scripts.benchmarks.traffic_runs import make_reader

SCHEMA: Final = 1
SEED: Final = 410_000
CLIPS: Final = 12
CLIP_FRAMES: Final = 150
SETTLED_AFTER: Final = 0.05
"""The share of the frames after which memory counts as settled: every kind of scene has been seen by then."""
SAMPLES: Final = 200


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `memory`."""
    parser = commands.add_parser("memory", help="growth of memory over many frames")
    parser.add_argument("--frames", type=whole(4000), default=100_000, metavar="N", help="(%(default)s)")
    parser.add_argument("--models", type=Path, default=find_models_directory(), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure(arguments.models, arguments.frames)
    json_line(result) if arguments.json else show(result)
    return 0


def measure(models: Path, frames: int) -> dict[str, Any]:
    """The whole measurement as one JSON object.

    Raises: ModelError when a model is not what its card says.
    """
    plates, samples = make_reader(models), []
    with tempfile.TemporaryDirectory(prefix="anpr-bench-") as folder:
        clips = [
            render(clip, Path(folder) / f"{number}.raw", (1280, 720), CLIP_FRAMES)
            for number, clip in enumerate(_clips())
        ]
        for frame in _endless(clips, frames):
            plates.step(frame)
            if frame.seq % (frames // SAMPLES) == 0:
                samples.append((frame.seq, resident_mb()))
                progress(f"frame {frame.seq}/{frames}: {samples[-1][1]} MB")
    progress("")
    return {
        "schema": SCHEMA,
        "bench": "memory",
        "machine": machine(),
        "models": list(plates.model_ids),
        "frames": plates.counts.frames,
        "searched": plates.counts.frames - plates.counts.gated,
        "reads": plates.counts.reads,
        **growth(samples),
    }


def growth(samples: Sequence[tuple[int, float]]) -> dict[str, float]:
    """Memory once settled, at the end and at its highest, and by how much it grew, in MB of 10^6 bytes.

    Settled and end are medians of a tenth of the samples, since a page more or less is no growth.
    """
    settled = samples[round(SETTLED_AFTER * len(samples)) :]
    tenth = max(1, len(settled) // 10)
    begin, end = (_median([mb for _, mb in part]) for part in (settled[:tenth], settled[-tenth:]))
    return {
        "settled_mb": round(begin, 2),
        "end_mb": round(end, 2),
        "highest_mb": round(max(mb for _, mb in settled), 2),
        "growth_mb": round(end - begin, 2),
    }


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _clips() -> list[Clip]:
    """Short clips of every light and density."""
    spacings = list(SPACINGS_S.values())
    return [
        Clip("memory", SEED + n, Stage(Flow(6, spacing_s=spacings[n % 3]), CONDITIONS[n % 4]))
        for n in range(CLIPS)
    ]


def _endless(clips: Sequence[RawClip], frames: int) -> Iterator[Frame]:
    """`frames` frames, one clip after the other again and again, on one time line."""
    seq = 0
    for clip in cycle(clips):
        for frame in clip.read():
            at_ns = round(seq * 1e9 / FRAME_RATE)
            yield replace(frame, seq=seq, taken=Instant(at_ns, at_ns))
            seq += 1
            if seq >= frames:
                return


def show(result: dict[str, Any]) -> None:
    """Print the measurement for a person."""
    print(f"{result['frames']} frames, {result['searched']} of them searched, {result['reads']} reads")
    print(
        f"memory once settled {result['settled_mb']} MB, at the end {result['end_mb']} MB,"
        f" at its highest {result['highest_mb']} MB: growth {result['growth_mb']} MB"
    )
