"""Starting from a Raspberry Pi OS image: one of the same layout, made here, read without mounting it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from anpr_edge.errors import ImageError
from scripts.imaging import base, card, ext4, fat
from scripts.imaging.layout import MIB
from scripts.imaging.tools import run
from scripts.imaging.tree import Tree
from tests.image.cards import EPOCH, needs_tools
from tests.image.test_ext4 import UUID, system

pytestmark = needs_tools
needs_fuse = pytest.mark.skipif(
    not (
        shutil.which("fuse2fs") and shutil.which("fusermount3") and os.access("/dev/fuse", os.R_OK | os.W_OK)
    ),
    reason="sudo apt-get install fuse2fs fuse3, and a /dev/fuse",
)
BOOT, ROOT = 4 * MIB, 20 * MIB
TABLE = f"label: dos\nstart={BOOT // 512}, size=32768, type=c\nstart={ROOT // 512}, size=32768, type=83\n"
FILES = {
    "kernel8.img": b"kernel",
    "overlays/imx296.dtbo": b"overlay",
    "config.txt": b"theirs",
    "cmdline.txt": b"init=/usr/lib/raspberrypi-sys-mods/firstboot",
    "userconf.txt": b"pi:$6$secret",
    "ssh": b"",
    "user-data": b"#cloud-config",
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    boot, root, whole = folder / "boot", folder / "root", folder / "raspios.img"
    fat.make(boot, FILES, label="BOOTFS", serial="11111111", size=16 * MIB, epoch=EPOCH)
    ext4.from_tar(
        system(folder / "tar"),
        root,
        label="rootfs",
        uuid=UUID,
        size=16 * MIB,
        epoch=EPOCH,
        scratch=folder,
        log=folder / "log",
        journal=False,
    )
    with whole.open("wb") as file:
        file.truncate(40 * MIB)
    run(["sfdisk", "--quiet", whole], stdin=TABLE)
    with whole.open("r+b") as file:
        for source, place in ((boot, BOOT), (root, ROOT)):
            card.copy(source, file.fileno(), place, holes=False)
    return whole


def test_both_partitions_are_found(image: Path) -> None:
    assert base.places(image) == base.Places(BOOT, ROOT)


@needs_fuse
def test_the_root_file_system_comes_out_with_owners_and_modes_and_no_way_in_is_kept(
    image: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.tar"
    boot_files = base.unpack(image, plain, tmp_path, tmp_path / "log")
    assert boot_files == {"kernel8.img": b"kernel", "overlays/imx296.dtbo": b"overlay"}
    with Tree(plain) as tree:
        assert tree.text("etc/shadow") == "root:!:"
        entry = tree.entries["home/x"]
        assert (entry.uid, entry.gid, entry.mode, int(entry.mtime)) == (1000, 42, 0o4755, EPOCH - 99)
        assert tree.target("sbin") == "usr/sbin"
        assert "lost+found" not in tree


@pytest.mark.parametrize(
    ("head", "said"),
    [(b"\xfd7zXZ\0", "packed with xz"), (b"PK\x03\x04", "packed with zip"), (b"\x1f\x8b", "gzip")],
)
def test_a_packed_image_is_named_as_such(tmp_path: Path, head: bytes, said: str) -> None:
    packed = tmp_path / "raspios.img.xz"
    packed.write_bytes(head + bytes(1000))
    with pytest.raises(ImageError, match=said):
        base.places(packed)


def test_an_image_that_was_cut_short_is_refused(image: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.img"
    short.write_bytes(image.read_bytes()[: 30 * MIB])
    with pytest.raises(ImageError, match="cut short"):
        base.places(short)


def test_what_is_no_such_image_is_refused(image: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.img"
    with other.open("wb") as file:
        file.truncate(8 * MIB)
    with pytest.raises(ImageError, match="sfdisk failed"):
        base.places(other)
    run(["sfdisk", "--quiet", other], stdin="label: dos\nstart=2048, size=2048, type=83\n")
    with pytest.raises(ImageError, match="no Raspberry Pi OS image"):
        base.places(other)
    with pytest.raises(ImageError, match="No such file"):
        base.places(tmp_path / "nothing")
