"""What `scripts/bench pipeline` prints for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from anpr_edge.cli.output import table
from scripts.benchmarks.pipeline_runs import OURS, PEER

STAGES: Final = ("gate", "detect", "track", "recognise", "fuse")


def show(result: dict[str, Any]) -> None:
    """Print the measurement."""
    where, limit, runs = result["machine"], result["limit"], result["runs"]
    print(f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}")
    print(", ".join(result["models"]))
    print(
        f"one thread at best: {limit['float32_multiply_adds_per_s'] / 1e9:.1f} G multiply-adds/s in float32,"
        f" {limit['copied_bytes_per_s'] / 1e9:.1f} GB/s copied\n"
    )
    _speed(runs)
    print("\nmilliseconds a stage, p50 / p95 / p99 of the frames it ran in, and their share")
    _stages([run for run in runs if run["contender"] == OURS])
    _beside(runs)


def _speed(runs: Sequence[dict[str, Any]]) -> None:
    rows = [
        [
            *_named(run),
            run["frames_per_s"],
            " / ".join(f"{ms:.2f}" for ms in run["step_ms"].values()),
            f"{run['processor_ms_per_frame']:.2f}",
            run["peak_mb"],
            *(_scaled(run.get(key), by) for key, by in _WORK),
        ]
        for run in runs
    ]
    table(_HEADINGS, rows)


_HEADINGS: Final = (
    "",
    "clip",
    "size",
    "threads",
    "frames/s",
    "ms p50 / p95 / p99",
    "cpu ms or s/1000",
    "peak MB",
    "M mult-adds",
    "MB moved",
    "G mult-adds/s",
)
_WORK: Final = (
    ("multiply_adds_per_frame", 1e6),
    ("bytes_per_frame", 1e6),
    ("multiply_adds_per_s_in_models", 1e9),
)


def _stages(runs: Sequence[dict[str, Any]]) -> None:
    rows = [[*_named(run)[1:], *(_stage(run["stages"].get(stage)) for stage in STAGES)] for run in runs]
    table(["clip", "size", "threads", *STAGES], rows)


def _beside(runs: Sequence[dict[str, Any]]) -> None:
    """How many times the peer's frames and processor time, one thread each."""
    peers = {(run["clip"], run["size"]): run for run in runs if run["contender"] == PEER}
    for run in runs:
        other = peers.get((run["clip"], run["size"]))
        if other and run["contender"] == OURS and run["threads"] == 1:
            faster = run["frames_per_s"] / other["frames_per_s"]
            cheaper = other["processor_ms_per_frame"] / run["processor_ms_per_frame"]
            print(
                f"{run['clip']}, {run['size']}: {faster:.1f} times the peer's frames/s;"
                f" the peer takes {cheaper:.1f} times the processor time"
            )


def _named(run: dict[str, Any]) -> list[object]:
    return [run["contender"], run["clip"], run["size"], run["threads"]]


def _stage(figures: dict[str, Any] | None) -> str:
    if figures is None:
        return "–"
    times = " / ".join(f"{figures[p]:.2f}" for p in ("p50", "p95", "p99"))
    return f"{times} ({100 * figures['share_of_frames']:.0f} %)"


def _scaled(value: float | None, by: float) -> str:
    return "–" if value is None else f"{value / by:.1f}"
