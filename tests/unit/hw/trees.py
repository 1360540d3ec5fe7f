"""Device trees: compiled by dtc, merged by fdtoverlay, read by fdtget (Debian's device-tree-compiler)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OVERLAYS = HERE.parents[2] / "hw" / "overlays"
BOARDS = {"anpr-edge": HERE / "bcm2711.dts", "anpr-edge-pi5": HERE / "bcm2712.dts"}

needs_dtc = pytest.mark.skipif(
    shutil.which("fdtoverlay") is None, reason="no device-tree compiler: apt-get install device-tree-compiler"
)


@dataclass(frozen=True)
class Tree:
    """A compiled device tree."""

    file: Path

    def text(self, node: str, name: str) -> list[str]:
        """A property's strings."""
        return _run("fdtget", "-t", "s", str(self.file), node, name).split()

    def numbers(self, node: str, name: str) -> list[int]:
        """A property's cells."""
        return [int(cell) for cell in _run("fdtget", "-t", "u", str(self.file), node, name).split()]

    def names(self, node: str) -> list[str]:
        """What a node's properties are called."""
        return _run("fdtget", "-p", str(self.file), node).split()

    def has(self, node: str) -> bool:
        """Whether there is such a node."""
        command = ["fdtget", "-p", str(self.file), node]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def compiled(source: Path, into: Path) -> Tree:
    """A source as a tree; what dtc warns of is an error."""
    made = into / f"{source.stem}.dtb"
    command = ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", str(made), str(source)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return Tree(made)


def merged(board: Tree, overlay: Tree, into: Path) -> Tree:
    """The board's tree with the overlay in it.

    Raises: CalledProcessError when the board lacks a label that the overlay asks for.
    """
    made = into / "merged.dtb"
    _run("fdtoverlay", "-i", str(board.file), "-o", str(made), str(overlay.file))
    return Tree(made)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
