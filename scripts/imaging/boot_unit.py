"""A unit to boot an image with: its own identity, a rendered road, and a broker that is not there."""

from __future__ import annotations

from pathlib import Path

from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import build_rig
from scripts.imaging.tools import run

STATE, RUN = "/var/lib/anpr-edge", "/run/anpr-edge"
VEHICLES = 1_000
"""As many as a rendered road can have: more than a boot lasts for."""


def prepare(folder: Path) -> dict[str, Path]:
    """Make keys, certificates and configuration in `folder`; returned by their places on the data partition.

    Raises: AnprError when one of our own commands fails.
    """
    camera = {"source": "synthetic", "frame_rate": 2.0, "synthetic": {"vehicles": VEHICLES}}
    rig = build_rig(folder, camera, SystemClock())
    state = rig.unit.state_dir
    text = rig.config.read_text(encoding="utf-8")
    config = folder / "installed.toml"
    config.write_text(text.replace(str(state), STATE).replace(str(rig.unit.run_dir), RUN), encoding="utf-8")
    files = {f"state/{path.relative_to(state)}": path for path in sorted(state.rglob("*")) if path.is_file()}
    return {**files, "etc/unit.toml": config}


def put(card: Path, offset: int, files: dict[str, Path]) -> None:
    """Write files into the ext4 at `offset` of a card's file; tmpfiles will give them their owners."""
    folders = sorted({str(up) for name in files for up in Path(name).parents} - {".", "state", "etc"})
    script = [f"mkdir {name}" for name in folders]
    script += [f"write {path} {name}" for name, path in files.items()]
    run(["debugfs", "-w", "-f", "-", f"{card}?offset={offset}"], stdin="\n".join(script) + "\n")
