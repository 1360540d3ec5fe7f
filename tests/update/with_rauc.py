"""Runs a command beside a RAUC service: `python -m tests.update.with_rauc FOLDER COMMAND…`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from anpr_edge.update.bootstore import BootStore
from tests.unit.update.samples import Board
from tests.update.unit_side import serve


def main(folder: Path, command: list[str]) -> int:
    """The command's exit code."""
    service = serve(folder, BootStore(Board.found(folder).layout).running() or "A")
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        service.terminate()
        service.wait()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
