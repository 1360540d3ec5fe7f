"""`python -m scripts.platforms record|compare FILE`: does another machine compute the same?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from anpr_edge.config import find_models_directory
from scripts.platforms.comparison import Outcome, compare
from scripts.platforms.recording import Recording, record

DESCRIPTION = """Read a rendered clip here and keep every step of it, or do the steps of such a
recording again and say which stages give the same bits. Each stage is given the recorded inputs, so a
difference is its own. Exit code 1 when one of our own differs at all, when the runtime's int8 kernels
differ in more than one run of ten or by more than 6 steps, or when a read is not what it was as it is
sealed. How the clip is drawn is compared too, but only told: no unit draws.

  python -m scripts.platforms record clip.npz        on the one machine
  python -m scripts.platforms compare clip.npz       on the other

`scripts/test --arm64` does both."""


def main() -> int:
    """Record or compare; 1 when something differs."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.platforms",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["record", "compare"])
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--vehicles", type=int, default=3, metavar="N", help="rendered vehicles (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="which clip (%(default)s)")
    args = parser.parse_args()
    models = find_models_directory()
    if args.what == "record":
        made = record(models, args.vehicles, args.seed)
        made.save(args.file)
        print(f"{made.machine}: {len(made.frames)} frames, {len(made.steps)} steps, {len(made.reads)} reads")
        return 0
    recording = Recording.load(args.file)
    here, outcomes = compare(recording, models, vehicles=args.vehicles, seed=args.seed, say=note)
    print(f"recorded on {recording.machine}\ncompared on {here}\n")
    print("\n".join(table(outcomes)))
    return 0 if all(outcome.acceptable for outcome in outcomes) else 1


def note(progress: str) -> None:
    """What it does now, for people who wait."""
    print(progress, file=sys.stderr, flush=True)


def table(outcomes: list[Outcome]) -> list[str]:
    """A line a stage: how often it was done, how often every bit was the same, and what differs most."""
    lines = [f"{'stage':28} {'done':>6} {'equal':>6} {'numbers':>11} {'other':>8}  largest difference"]
    for one in outcomes:
        largest = f"{one.largest:.3g}" if one.largest else "none"
        lines.append(f"{one.stage:28} {one.done:6} {one.equal:6} {one.numbers:11} {one.other:8}  {largest}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
