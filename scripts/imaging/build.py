"""Builds an image from nothing: a system, made a unit's, looked over, and put on a card's partitions."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anpr_edge import __version__
from anpr_edge.cli.output import note
from anpr_edge.errors import ImageError
from scripts.imaging import audit, base, card, distribution, ext4, fat, firmware
from scripts.imaging.customise import CHECKOUT, Anchors, Overlay, customise, overlay
from scripts.imaging.layout import MIB, SELECT_BYTES, partitions
from scripts.imaging.tools import megabytes, missing
from scripts.imaging.tree import Tree

ROOT_SLOT, FIRMWARE_SLOT, DATA = 2048 * MIB, 256 * MIB, 128 * MIB
ROOT_UUID = "6c0f4f0e-52c2-4b7d-9f50-2f6a3a0b7c01"
DATA_UUID = "6c0f4f0e-52c2-4b7d-9f50-2f6a3a0b7c02"
FIRMWARE_SERIAL = "a4e100"
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
    order.out.mkdir(parents=True, exist_ok=True)
    order.cache.mkdir(parents=True, exist_ok=True)
    log = order.out / f"{order.name}.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=order.out, prefix=".build-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)  # mmdebstrap's own user looks into it
        return _build(order, scratch, log, _Steps({}))


def _build(order: Order, scratch: Path, log: Path, steps: _Steps) -> dict[str, Any]:
    plain, laid, tar = scratch / "plain.tar", scratch / "overlay.tar", scratch / "root.tar"
    with steps.step("wheels", "wheels for aarch64, pinned by hash"):
        wheels = order.wheels or _wheelhouse(order)
    with steps.step("system", f"the system: {order.base or f'Debian {order.suite}, arm64 packages'}"):
        boot_files = _system(order, plain, scratch, log)
    with steps.step("unit", "made a unit's, under emulation"):
        overlay(order.epoch, order.anchors, wheels, order.version).write(laid)
        more = base.PACKAGES + order.include if order.base else ()
        customise(plain, laid, tar, epoch=order.epoch, kernel=not order.base, more=more, log=log)
        plain.unlink()
    with Tree(tar) as tree:
        with steps.step("audit", "looked over: no password, no server, nothing that listens"):
            audit.demand(tree)
            tree_sha256 = tree.sha256()
        with steps.step("root", "root file system"):
            root = scratch / "root.ext4"
            size = ext4.size_for(tree.content_bytes())
            if size > ROOT_SLOT:
                raise ImageError(
                    f"the root file system needs {megabytes(size)}, a slot has {megabytes(ROOT_SLOT)}"
                )
            ext4.from_tar(
                *(tar, root),
                label="root",
                uuid=ROOT_UUID,
                size=size,
                epoch=order.epoch,
                scratch=scratch,
                log=log,
                without=firmware.NOT_IN_ROOT,
            )
        boot_files = boot_files or firmware.from_tree(tree)
        packages = installed(tree.text("var/lib/dpkg/status"))
    with steps.step("card", "partitions, image and block map"):
        contents = {
            "root_a": root,
            **_firmware(order, boot_files, scratch),
            "data": _data(order, scratch, log),
        }
        image = order.out / f"{order.name}.img"
        card.assemble(image, partitions(ROOT_SLOT, FIRMWARE_SLOT, DATA), contents)
        bmap = card.write_bmap(image)
    facts = {
        "image": image.name,
        "bmap": bmap.name,
        "version": order.version,
        "suite": order.suite,
        "base": order.base.name if order.base else None,
        "epoch": order.epoch,
        "root_tree_sha256": tree_sha256,
        "root_sha256": sha256(root),
        "root_bytes": root.stat().st_size,
        "image_sha256": sha256(image),
        "image_bytes": image.stat().st_size,
        "written_bytes": image.stat().st_blocks * 512,
        "anchors": sorted(Path(name).name for name in order.anchors.files()),
        "packages": packages,
        "seconds": steps.seconds,
    }
    if order.parts:
        for name, path in contents.items():
            path.replace(order.out / f"{order.name}.{name}{path.suffix}")
    (order.out / f"{order.name}.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return facts


def _wheelhouse(order: Order) -> Path:
    python = distribution.SUITES[order.suite]
    folder = order.cache / f"wheels-cp{python}"
    command = [str(CHECKOUT / "scripts/wheelhouse"), str(folder), "--python", python]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ImageError(f"scripts/wheelhouse failed: {done.stderr.strip()}")
    return folder


def _system(order: Order, plain: Path, scratch: Path, log: Path) -> dict[str, bytes]:
    """The plain system in `plain`; the boot files too where they come from elsewhere than its packages."""
    if order.base is not None:
        return base.unpack(order.base, plain, scratch, log)
    day_s = 24 * 3600
    system = distribution.System(order.suite, order.epoch // day_s * day_s, order.mirror, order.include)
    if distribution.bootstrap(system, plain, cache=order.cache, fresh=order.fresh, log=log):
        note("  the same packages as last time: taken from the cache")
    return {}


def _firmware(order: Order, boot_files: Mapping[str, bytes], scratch: Path) -> dict[str, Path]:
    """The FAT partitions: slot a with its boot files; slot b is formatted, and filled by the first update."""
    made = {}
    contents: dict[str, tuple[Mapping[str, bytes], int]] = {
        "select": (firmware.selector(), SELECT_BYTES),
        "firmware_a": ({**boot_files, **firmware.settings()}, FIRMWARE_SLOT),
        "firmware_b": ({}, FIRMWARE_SLOT),
    }
    for number, (name, (files, size)) in enumerate(contents.items(), start=1):
        path = scratch / f"{name}.vfat"
        serial = f"{FIRMWARE_SERIAL}{number:02x}"
        fat.make(path, files, label=name.upper(), serial=serial, size=size, epoch=order.epoch)
        made[name] = path
    return made


def _data(order: Order, scratch: Path, log: Path) -> Path:
    """The data partition as it leaves the workshop: folders, and nothing in them."""
    tar, image = scratch / "data.tar", scratch / "data.ext4"
    skeleton = Overlay(order.epoch)
    for folder in ("state", "etc", "systemd"):
        skeleton.add_folder(folder)
    skeleton.write(tar)
    ext4.from_tar(
        tar,
        image,
        label="data",
        uuid=DATA_UUID,
        size=DATA,
        epoch=order.epoch,
        scratch=scratch,
        log=log,
        journal=True,
    )
    return image


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
