"""Fills a card's partitions: the root file system, the boot files, and the empty data partition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging import ext4, fat, firmware
from scripts.imaging.customise import Overlay
from scripts.imaging.layout import MIB, SELECT_BYTES, Partition, partitions
from scripts.imaging.tools import megabytes
from scripts.imaging.tree import Tree

ROOT_SLOT, FIRMWARE_SLOT, DATA = 2048 * MIB, 256 * MIB, 128 * MIB
ROOT_UUID = "6c0f4f0e-52c2-4b7d-9f50-2f6a3a0b7c01"
DATA_UUID = "6c0f4f0e-52c2-4b7d-9f50-2f6a3a0b7c02"
FAT_SERIAL = "a4e100"
DATA_FOLDERS = ("state", "etc", "systemd")
"""What rootfs/etc/fstab binds to /var/lib/anpr-edge, /etc/anpr-edge and /var/lib/systemd."""


def table() -> tuple[Partition, ...]:
    """The partitions of every card."""
    return partitions(ROOT_SLOT, FIRMWARE_SLOT, DATA)


def root_bytes(content_bytes: int) -> int:
    """How large the root file system is made for so much content: no larger than a slot.

    Raises: ImageError when a slot has no room for it.
    """
    least = ext4.size_for(content_bytes, ext4.LEAST_FREE)
    if least > ROOT_SLOT:
        raise ImageError(
            f"the root file system needs {megabytes(least)}, a slot has {megabytes(ROOT_SLOT)}",
            hint="leave out what was asked for with --include, or start from a smaller --base",
        )
    return min(ext4.size_for(content_bytes), ROOT_SLOT)


@dataclass(frozen=True, slots=True)
class Packer:
    """Makes partitions' contents as files in `scratch`, all dated `epoch`."""

    scratch: Path
    epoch: int
    log: Path

    def root(self, tar: Path, tree: Tree) -> Path:
        """The root file system, no larger than it has to be.

        Raises: ImageError when a slot has no room for it.
        """
        size = root_bytes(tree.content_bytes())
        return self._ext4(tar, "root", ROOT_UUID, size, without=firmware.NOT_IN_ROOT)

    def data(self) -> Path:
        """The data partition as it leaves the workshop: folders, and nothing in them."""
        skeleton, tar = Overlay(self.epoch), self.scratch / "data.tar"
        for folder in DATA_FOLDERS:
            skeleton.add_folder(folder)
        skeleton.write(tar)
        return self._ext4(tar, "data", DATA_UUID, DATA, journal=True)

    def fats(self, boot_files: Mapping[str, bytes]) -> dict[str, Path]:
        """The FAT partitions: slot a with its boot files; slot b is formatted, and filled by an update."""
        contents: dict[str, tuple[Mapping[str, bytes], int]] = {
            "select": (firmware.selector(), SELECT_BYTES),
            "firmware_a": ({**boot_files, **firmware.settings()}, FIRMWARE_SLOT),
            "firmware_b": ({}, FIRMWARE_SLOT),
        }
        made = {}
        for number, (name, (files, size)) in enumerate(contents.items(), start=1):
            made[name] = self.scratch / f"{name}.vfat"
            serial = f"{FAT_SERIAL}{number:02x}"
            fat.make(made[name], files, label=name.upper(), serial=serial, size=size, epoch=self.epoch)
        return made

    def _ext4(
        self,
        tar: Path,
        label: str,
        uuid: str,
        size: int,
        without: tuple[str, ...] = (),
        *,
        journal: bool = False,
    ) -> Path:
        image = self.scratch / f"{label}.ext4"
        ext4.from_tar(
            *(tar, image),
            label=label,
            uuid=uuid,
            size=size,
            epoch=self.epoch,
            scratch=self.scratch,
            log=self.log,
            without=without,
            journal=journal,
        )
        return image
