"""`scripts/fuzz`: bounded, coverage-guided fuzzing; exits with 0 when nothing broke in the time given."""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["anpr_edge.seal"]):
    from scripts.fuzzing.seeds import sealed_reads, seeds
    from scripts.fuzzing.targets import all_targets, look_at

HANG_S: Final = 2
"""One input that takes longer counts as a hang; a good read takes less than a millisecond."""

MEMORY_MB: Final = 1024
LONGEST_BYTES: Final = 8192


def main() -> None:
    """Fuzz for the time given; the fuzzer ends the process."""
    parser = ArgumentParser(prog="scripts/fuzz", description=(__doc__ or "").split(":", 1)[1].strip())
    parser.add_argument("--seconds", type=int, default=120, metavar="N", help="how long (%(default)s)")
    parser.add_argument(
        "--corpus", type=Path, metavar="DIR", help="keep what was found here, for the next run to start from"
    )
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="anpr-fuzz-"))
    targets = all_targets(sealed_reads())
    options = [
        f"-max_total_time={arguments.seconds}",
        f"-timeout={HANG_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-max_len={LONGEST_BYTES}",
        f"-seed={arguments.seed}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        str(_corpus(arguments.corpus or folder / "corpus")),
    ]
    atheris.Setup([sys.argv[0], *options], lambda data: look_at(data, targets))
    print(f"what breaks it is kept in {folder}", file=sys.stderr)
    atheris.Fuzz()


def _corpus(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (folder / f"seed-{number:03}").write_bytes(seed)
    return folder


main()
