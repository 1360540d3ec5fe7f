"""What a card's partitions are filled with, as far as it needs no whole system."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.errors import ImageError
from scripts.imaging import ext4, fat
from scripts.imaging.build import installed
from scripts.imaging.customise import HERE
from scripts.imaging.layout import MIB
from scripts.imaging.pack import DATA, ROOT_SLOT, Packer, root_bytes, table
from scripts.imaging.tools import run
from tests.image.cards import EPOCH, needs_tools

STATUS = """Package: rauc
Status: install ok installed
Version: 1.8-2
Description: updates
 Status: not a field

Package: gone
Status: deinstall ok config-files
Version: 1
"""


@needs_tools
def test_the_data_partition_has_the_folders_that_are_bound_from_it_and_no_file(tmp_path: Path) -> None:
    data = Packer(tmp_path, EPOCH, tmp_path / "log").data()
    assert data.stat().st_size == DATA
    lines = [line.split() for line in (HERE / "rootfs/etc/fstab").read_text().splitlines() if line[0] != "#"]
    bound = {Path(fields[0]).name for fields in lines if fields[0].startswith("/data/")}
    said = run(["debugfs", "-R", "ls -p /", data])
    there = {line.split("/")[5] for line in said.splitlines() if line.startswith("/")}
    assert there == {".", "..", "lost+found", *bound}
    assert "has_journal" in run(["dumpe2fs", "-h", data])


@needs_tools
def test_the_fat_partitions_fit_their_places_and_only_one_says_what_is_started(tmp_path: Path) -> None:
    made = Packer(tmp_path, EPOCH, tmp_path / "log").fats({"kernel8.img": b"kernel", "overlays/x.dtbo": b"x"})
    sizes = {part.name: part.size for part in table()}
    assert all(path.stat().st_size == sizes[name] for name, path in made.items())
    assert fat.listing(made["select"]) == ["/autoboot.txt"]
    assert fat.listing(made["firmware_b"]) == []
    there = set(fat.listing(made["firmware_a"]))
    assert {"/kernel8.img", "/config.txt", "/cmdline_a.txt", "/cmdline_b.txt", "/overlays/x.dtbo"} <= there


def test_a_root_file_system_is_given_what_a_slot_has_and_refused_beyond() -> None:
    assert root_bytes(1_000 * MIB) == ext4.size_for(1_000 * MIB) < ROOT_SLOT
    assert root_bytes(1_800 * MIB) == ROOT_SLOT
    with pytest.raises(ImageError, match="needs 2,227 MB, a slot has 2,147 MB"):
        root_bytes(1_967 * MIB)


def test_the_packages_of_an_image_are_those_that_are_installed() -> None:
    assert installed(STATUS) == {"rauc": "1.8-2"}
