"""What the Raspberry Pi's boot loader reads: its files, kernel, device trees, and the settings of hw/boot."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path, PurePosixPath

from anpr_edge.errors import ImageError
from scripts.imaging.tools import run
from scripts.imaging.tree import Tree

HW = Path(__file__).parents[2] / "hw"
KERNEL, INITRAMFS = "kernel8.img", "initramfs8"
"""What the boot loader looks for on 64-bit boards. Source: Raspberry Pi documentation, config.txt."""
LOADER = "usr/lib/raspi-firmware"
AUTOBOOT = "autoboot.txt"
SLOTS = {"a": 2, "b": 3}
"""Each slot's firmware partition, by its number. Source: layout.partitions."""
CHOICE = """# The partition that these files were started from says which root file system belongs to them: an
# update brings the same files for either slot. There is no cmdline.txt, which an older boot loader would
# take for both.
"""
"""Source: Raspberry Pi documentation, config.txt, "The [boot_partition=N] filter"."""
CMDLINE_LIMIT = 1024
"""How much of cmdline.txt arm64 Linux takes is 2,048 bytes; the device tree's own arguments come on top."""
NOT_IN_ROOT = ("./boot/vmlinuz-*", "./boot/initrd.img-*", "./boot/System.map-*", f"./{LOADER}")
"""What lies on the firmware partition and would only lie in the root file system a second time."""


def from_tree(tree: Tree) -> dict[str, bytes]:
    """The boot files that Debian's own packages bring, by their names on the firmware partition.

    Raises: ImageError when there is not exactly one kernel with an initramfs.
    """
    files = {PurePosixPath(path).name: tree.read(path) for path in tree.under(LOADER) if "/doc/" not in path}
    files.pop("", None)
    for pattern, name in ((r"boot/vmlinuz-.+", KERNEL), (r"boot/initrd\.img-.+", INITRAMFS)):
        found = [path for path in tree.under("boot") if re.fullmatch(pattern, path)]
        if len(found) != 1:
            raise ImageError(f"the root file system has {len(found)} files {pattern}, not one")
        files[name] = tree.read(found[0])
    for path in tree.entries:
        if re.fullmatch(r"usr/lib/linux-image-[^/]+/broadcom/bcm27[^/]+\.dtb", path):
            files[PurePosixPath(path).name] = tree.read(path)
    return {name: content for name, content in files.items() if content}


def settings() -> dict[str, bytes]:
    """The boot configuration, the same for both slots, with our device-tree overlays compiled.

    Raises: ImageError when a line is missing from hw/boot, or an overlay does not compile.
    """
    chosen = "".join(
        f"[boot_partition={number}]\ncmdline={_cmdline(slot)}\n" for slot, number in SLOTS.items()
    )
    config = CHOICE + chosen + "\n[all]\n" + (HW / "boot/config.txt").read_text(encoding="utf-8")
    files = {"config.txt": config.encode()}
    files |= {_cmdline(slot): cmdline(slot) for slot in SLOTS}
    for source in sorted(HW.rglob("*.dts")):
        name = f"{source.stem.removesuffix('-overlay')}.dtbo"
        files[f"overlays/{name}"] = _compile(source)
    return files


def _cmdline(slot: str) -> str:
    return f"cmdline_{slot}.txt"


def selector() -> dict[str, bytes]:
    """What the partition `select` holds: which slot is started, and which is tried."""
    return {AUTOBOOT: (HW / "boot" / AUTOBOOT).read_bytes()}


def cmdline(slot: str) -> bytes:
    """The kernel's command line of a slot: hw/boot/cmdline.txt, with this slot's root, read-only.

    Raises: ImageError when it does not name a root by its label.
    """
    words = (HW / "boot/cmdline.txt").read_text(encoding="ascii").split()
    if "root=PARTLABEL=root_a" not in words:
        raise ImageError("hw/boot/cmdline.txt has no root=PARTLABEL=root_a to make a slot's of")
    words = [f"root=PARTLABEL=root_{slot}" if word.startswith("root=") else word for word in words]
    words += [word for word in ("ro", f"rauc.slot={slot.upper()}") if word not in words]
    line = " ".join(words)
    if len(line) > CMDLINE_LIMIT:
        raise ImageError(f"the kernel's command line has {len(line)} characters, at most {CMDLINE_LIMIT}")
    return line.encode() + b"\n"


def _compile(source: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "overlay.dtbo"
        run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", out, source])
        return out.read_bytes()
