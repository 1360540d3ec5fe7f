"""Builds an image from nothing: a system, made a unit's, looked over, and put on a card's partitions."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anpr_edge import __version__
from anpr_edge.cli.output import note
from anpr_edge.errors import ImageError
from scripts.imaging import audit, base, card, distribution, firmware
from scripts.imaging.blockmap import extents
from scripts.imaging.customise import CHECKOUT, Anchors, customise, overlay
from scripts.imaging.pack import Packer, table
from scripts.imaging.tools import missing
from scripts.imaging.tree import Tree

DAY_S = 24 * 3600
NEEDED = (
    *("mmdebstrap", "arch-test", "qemu-aarch64-static", "mke2fs", "debugfs", "mkfs.vfat", "mcopy"),
    *("sfdisk", "bmaptool", "dtc", "fakeroot"),
)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, from what, and where it goes."""

    out: Path
    cache: Path
    suite: str
    epoch: int
    base: Path | None = None
    anchors: Anchors = field(default_factory=Anchors)
    mirror: str = ""
    include: tuple[str, ...] = ()
    wheels: Path | None = None
    parts: bool = False
    fresh: bool = False
    version: str = __version__

    @property
    def name(self) -> str:
        """What all files of this image are called."""
        return f"anpr-edge-{self.version}-{'raspios-' if self.base else ''}{self.suite}"


@dataclass(slots=True)
class _Steps:
    """Tells the person what is done, and keeps how long it took."""

    seconds: dict[str, float]

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        note(f"{words} …")
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 1)
        note(f"  {self.seconds[name]:.0f} s")


def build(order: Order) -> dict[str, Any]:
    """Build the image that is ordered; returns what is in its `.json`.

    Raises: ImageError naming the step that failed; nothing is left in the output folder then but the log.
    """
    if absent := missing(*NEEDED):
        raise ImageError(
            f"not installed: {', '.join(absent)}", hint=f"sudo apt-get install {' '.join(absent)}"
        )
    distribution.emulation()
    if order.base is not None:
        base.expect(order.base, order.suite)
    order.out.mkdir(parents=True, exist_ok=True)
    order.cache.mkdir(parents=True, exist_ok=True)
    log = order.out / f"{order.name}.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=order.out, prefix=".build-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)  # mmdebstrap's own user looks into it
        return _Build(order, scratch, log).run()


class _Build:
    """One build on its way, step by step."""

    def __init__(self, order: Order, scratch: Path, log: Path) -> None:
        self._order, self._scratch, self._log = order, scratch, log
        self._tar = scratch / "root.tar"
        self._steps = _Steps({})

    def run(self) -> dict[str, Any]:
        order, step = self._order, self._steps.step
        boot_files = self._make()
        packer = Packer(self._scratch, order.epoch, self._log)
        with Tree(self._tar) as tree:
            with step("audit", "looked over: no password, no server, nothing that listens"):
                audit.demand(tree)
                tree_sha256 = tree.sha256()
            with step("root", "root file system"):
                contents = {"root_a": packer.root(self._tar, tree)}
            boot_files = boot_files or firmware.from_tree(tree)
            packages = installed(tree.text("var/lib/dpkg/status"))
        with step("card", "partitions, image and block map"):
            contents |= {**packer.fats(boot_files), "data": packer.data()}
            image = order.out / f"{order.name}.img"
            card.assemble(image, table(), contents)
            card.write_bmap(image)
        facts = {"root_tree_sha256": tree_sha256, **self._facts(image, contents["root_a"])}
        return self._deliver({**facts, "packages": packages, "seconds": self._steps.seconds}, contents)

    def _make(self) -> dict[str, bytes]:
        """The root file system as a tar file; the boot files too where they do not come from its packages."""
        order, step = self._order, self._steps.step
        plain, laid = self._scratch / "plain.tar", self._scratch / "overlay.tar"
        with step("wheels", "wheels for aarch64, pinned by hash"):
            wheels = order.wheels or _wheelhouse(order)
        with step("system", f"the system: {order.base or f'Debian {order.suite}, arm64 packages'}"):
            boot_files = self._system(plain)
        with step("unit", "made a unit's, under emulation"):
            overlay(order.epoch, order.anchors, wheels, order.version).write(laid)
            more = base.packages(order.suite) + order.include if order.base else ()
            customise(
                *(plain, laid, self._tar),
                epoch=order.epoch,
                kernel=not order.base,
                more=more,
                log=self._log,
            )
            plain.unlink()
        return boot_files

    def _system(self, plain: Path) -> dict[str, bytes]:
        order = self._order
        if order.base is not None:
            at = base.expect(order.base, order.suite)
            return base.unpack(order.base, at, plain, self._scratch, self._log)
        system = distribution.System(order.suite, order.epoch // DAY_S * DAY_S, order.mirror, order.include)
        if distribution.bootstrap(system, plain, cache=order.cache, fresh=order.fresh, log=self._log):
            note("  the same packages as last time: taken from the cache")
        return {}

    def _facts(self, image: Path, root: Path) -> dict[str, Any]:
        order = self._order
        return {
            "image": image.name,
            "bmap": image.with_suffix(".bmap").name,
            "version": order.version,
            "suite": order.suite,
            "base": order.base.name if order.base else None,
            "epoch": order.epoch,
            "root_sha256": sha256(root),
            "root_bytes": root.stat().st_size,
            "image_sha256": sha256(image),
            "image_bytes": image.stat().st_size,
            "written_bytes": sum(extent.length for extent in extents(image)),
            "anchors": sorted(Path(name).name for name in order.anchors.files()),
        }

    def _deliver(self, facts: dict[str, Any], contents: dict[str, Path]) -> dict[str, Any]:
        order = self._order
        if order.parts:
            for name, path in contents.items():
                path.replace(order.out / f"{order.name}.{name}{path.suffix}")
        text = json.dumps(facts, indent=1)
        (order.out / f"{order.name}.json").write_text(f"{text}\n", encoding="utf-8")
        return facts


def _wheelhouse(order: Order) -> Path:
    python = distribution.SUITES[order.suite]
    folder = order.cache / f"wheels-cp{python}"
    command = [str(CHECKOUT / "scripts/wheelhouse"), str(folder), "--python", python]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ImageError(f"scripts/wheelhouse failed: {done.stderr.strip()}")
    return folder


def installed(status: str) -> dict[str, str]:
    """Package and version of all that dpkg's status file says is installed."""
    found = {}
    for paragraph in status.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " "
        )
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return found


def sha256(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
