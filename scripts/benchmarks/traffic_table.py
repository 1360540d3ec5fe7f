"""Slices of vehicles, their figures, the table of them, and the list of what went wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from anpr_edge.cli.output import table
from scripts.benchmarks.metrics import share
from scripts.benchmarks.traffic_judging import Visit
from scripts.benchmarks.traffic_runs import ClipResult

SPEEDS_KM_H: Final[tuple[tuple[float, float], ...]] = ((0, 50), (50, 80), (80, 105), (105, 131))
WIDTHS_PX: Final[tuple[tuple[float, float], ...]] = ((70, 90), (90, 110), (110, math.inf))


def slices(visits: Sequence[Visit]) -> dict[str, dict[str, Any]]:
    """Figures of every slice that has a vehicle, the whole first."""
    chosen: dict[str, list[Visit]] = {"all": list(visits)}
    for name in dict.fromkeys(visit.passages[0].condition for visit in visits):
        chosen[name] = [visit for visit in visits if visit.passages[0].condition == name]
    for low, high in SPEEDS_KM_H:
        chosen[f"{low}-{high} km/h"] = [v for v in visits if low <= v.passages[0].speed_km_h < high]
    for low, high in WIDTHS_PX:
        name = f"widest {low}-{high} px" if math.isfinite(high) else f"widest >={low} px"
        chosen[name] = [visit for visit in visits if low <= _widest(visit) < high]
    for way in ("toward", "away"):
        chosen[way] = [visit for visit in visits if visit.passages[0].direction == way]
    for clip in dict.fromkeys(visit.clip for visit in visits):
        chosen[f"traffic: {clip}"] = [visit for visit in visits if visit.clip == clip]
    return {name: _figures(some) for name, some in chosen.items() if some}


def _widest(visit: Visit) -> float:
    return max(passage.max_plate_width_px for passage in visit.passages)


def _figures(visits: Sequence[Visit]) -> dict[str, Any]:
    """The keys documented in docs/pipeline-bench.md."""
    judged = [visit for visit in visits if visit.judged]
    once = [visit for visit in judged if visit.once]
    counts = {
        "one_read": share(len(once), len(judged)),
        "right": share(sum(visit.right for visit in once), len(once)),
        "right_strict": share(sum(visit.strict for visit in once), len(once)),
        "direction_right": share(sum(visit.way_right for visit in once), len(once)),
        "missed": share(sum(not visit.reads for visit in judged), len(judged)),
        "more_than_one": share(sum(len(visit.reads) > 1 for visit in judged), len(judged)),
    }
    figures = {name: figure.as_json() if figure else None for name, figure in counts.items()}
    extra = sum(max(0, len(visit.reads) - 1) for visit in judged)
    return {"vehicles": len(visits), "judged": len(judged), **figures, "duplicate_reads": extra}


def failures(results: Iterable[ClipResult]) -> list[dict[str, Any]]:
    """Every vehicle that did not give one right read, to the letter, and every read of nothing."""
    found: list[dict[str, Any]] = []
    for result in results:
        where = {"clip": result.clip.name, "seed": result.clip.seed}
        for visit in result.visits:
            if visit.judged and not visit.strict:
                found.append({"what": _verdict(visit), **where, **_described(visit)})
        for read in result.stray:
            found.append(
                {
                    "what": "false read",
                    **where,
                    "condition": result.clip.stage.condition_at(0).name,
                    "frames": [read.first_frame, read.last_frame],
                    "read": [read.text],
                    "confidence": [round(read.confidence, 3)],
                }
            )
    return found


def _verdict(visit: Visit) -> str:
    if not visit.reads:
        return "missed"
    if not visit.once:
        return "duplicate"
    return "spelling" if visit.right else "wrong"


def _described(visit: Visit) -> dict[str, Any]:
    first = visit.passages[0]
    return {
        "condition": first.condition,
        "truth": visit.text,
        "read": [read.text for read in visit.reads],
        "confidence": [round(read.confidence, 3) for read in visit.reads],
        "frames_used": [read.frames_used for read in visit.reads],
        "read_frames": [[read.first_frame, read.last_frame] for read in visit.reads],
        "frames": [first.first_frame, visit.passages[-1].last_frame],
        "readable_frames": sum(passage.readable_frames for passage in visit.passages),
        "widest_px": round(_widest(visit)),
        "speed_km_h": round(first.speed_km_h),
        "direction": first.direction,
        "style": first.style,
    }


def show(result: dict[str, Any]) -> None:
    """Print the measurement for a person."""
    where = result["machine"]
    print(f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}")
    print(f"{', '.join(result['models'])}; seeds to {result['split']}, {result['frames']} frames\n")
    keys = ("one_read", "right", "right_strict", "direction_right", "missed", "more_than_one")
    rows = [
        [name, figures["vehicles"], figures["judged"], *(_cell(figures[key]) for key in keys)]
        for name, figures in result["slices"].items()
    ]
    table(["%", "vehicles", "judged", "one read", "right", "strict", "direction", "missed", "more"], rows)
    print(f"\nreads that belong to no vehicle, in traffic: {result['stray_reads']}")
    if road := result["empty_road"]:
        print(
            f"false reads an hour of empty road with boards: {_range(road['false_reads_per_hour'])}"
            f" ({road['minutes']} minutes, {100 * road['gated']:.1f} % of the frames not searched)"
        )
    if vans := result["vans"]:
        print(
            f"false reads a van without a plate: {_range(vans['false_reads_per_van'])} ({vans['vans']} vans)"
        )
    for failure in result.get("failures", ()):
        print(", ".join(f"{key} {value}" for key, value in failure.items()))


def _range(figure: dict[str, Any]) -> str:
    return f"{figure['value']:.2f}, {figure['low']:.2f} to {figure['high']:.2f}"


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "–"
    return f"{100 * figure['value']:.1f} ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})"
