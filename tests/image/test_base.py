"""Starting from a Raspberry Pi OS image: one of the same layout, made here, read without mounting it."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from anpr_edge.errors import ImageError
from scripts.imaging import base, base_check, build_image
from scripts.imaging.layout import MIB
from scripts.imaging.tools import run
from scripts.imaging.tree import Tree
from tests.image.cards import EPOCH, needs_tools
from tests.image.raspios import BOOT_FILES, ROOT_FILES, assemble, root_fs

pytestmark = needs_tools
needs_fuse = pytest.mark.skipif(
    not (
        shutil.which("fuse2fs") and shutil.which("fusermount3") and os.access("/dev/fuse", os.R_OK | os.W_OK)
    ),
    reason="sudo apt-get install fuse2fs fuse3, and a /dev/fuse",
)
BOOT, ROOT = 8 * MIB, 24 * MIB
BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\n'
RELEASE, ISSUE, DPKG = "usr/lib/os-release", "etc/rpi-issue", "usr/bin/dpkg"
ELF64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00" + bytes(44)
ELF32 = b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x03\x00\x28\x00" + bytes(32)
SYSTEM: dict[str, bytes] = {
    RELEASE: BOOKWORM.encode(),
    DPKG: ELF64,
    "home/pi/x": b"x" * 9000,
    **{name: text.encode() for name, text in ROOT_FILES.items()},
}
KERNELS = {"kernel8.img": b"kernel", "initramfs8": b"initramfs", "bcm2712-rpi-5-b.dtb": b"tree"}


def raspios(folder: Path, system: dict[str, bytes], boot_files: dict[str, bytes]) -> Path:
    """A small image with the partitions of a real one."""
    tar, root, whole = folder / "root.tar", folder / "root.ext4", folder / "raspios.img"
    with tarfile.open(tar, "w") as out:
        for place in sorted({str(up) for name in system for up in Path(name).parents}):
            entry = tarfile.TarInfo(f"./{place}")
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            out.addfile(entry)
        for name, content in system.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mtime = len(content), EPOCH - 99
            if name.startswith("home/"):
                entry.uid, entry.gid, entry.mode = 1000, 42, 0o4755
            out.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("./sbin")
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "usr/sbin", EPOCH
        out.addfile(link)
    root_fs(tar, root, 16 * MIB, journal=False)
    assemble(whole, {**KERNELS, **BOOT_FILES, **boot_files}, root, 16 * MIB)
    return whole


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return raspios(tmp_path_factory.mktemp("base"), SYSTEM, {})


def test_both_partitions_are_found_and_the_release_in_them(image: Path) -> None:
    assert base_check.examine(image) == base_check.Base(BOOT, ROOT, "bookworm")


@needs_fuse
def test_the_root_file_system_comes_out_with_owners_and_modes_and_no_way_in_is_kept(
    image: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.tar"
    boot_files = base.unpack(image, base.expect(image, "bookworm"), plain, tmp_path, tmp_path / "log")
    overlays = {name: BOOT_FILES[name] for name in ("overlays/README", "overlays/imx296.dtbo")}
    assert boot_files == {**KERNELS, **overlays}
    with Tree(plain) as tree:
        assert tree.text("etc/hostname") == "raspberrypi\n"
        entry = tree.entries["home/pi/x"]
        assert (entry.uid, entry.gid, entry.mode, int(entry.mtime)) == (1000, 42, 0o4755, EPOCH - 99)
        assert tree.target("sbin") == "usr/sbin"
        assert "lost+found" not in tree
        assert tree.entries["dev/null"].ischr()


UBUNTU = b'PRETTY_NAME="Ubuntu 24.04.2 LTS"\nID=ubuntu\nVERSION_CODENAME=noble\n'
RASPBIAN = BOOKWORM.replace("Debian", "Raspbian").replace("=debian", "=raspbian").encode()
BULLSEYE = BOOKWORM.replace("12 (bookworm)", "11 (bullseye)").replace("bookworm", "bullseye").encode()
DESKTOP = ROOT_FILES[ISSUE].replace("stage2", "stage4").encode()
OTHERS: list[tuple[dict[str, bytes], str]] = [
    ({RELEASE: UBUNTU, ISSUE: b""}, "is Ubuntu 24.04.2 LTS, not Raspberry Pi OS"),
    ({ISSUE: b""}, r"is Debian GNU/Linux 12 \(bookworm\), not Raspberry Pi OS"),
    ({RELEASE: RASPBIAN, ISSUE: b"", DPKG: ELF32}, r"32-bit system \(Raspbian GNU/Linux 12"),
    ({DPKG: ELF32}, "32-bit system"),
    ({RELEASE: BULLSEYE}, r"is Debian GNU/Linux 11 \(bullseye\): a unit runs on bookworm or trixie"),
    ({ISSUE: DESKTOP}, r"has a desktop \(stage4\)"),
    ({RELEASE: b""}, "has no /usr/lib/os-release"),
]


@pytest.mark.parametrize(("changed", "said"), OTHERS, ids=[said for _, said in OTHERS])
def test_another_system_is_refused_by_its_name(tmp_path: Path, changed: dict[str, bytes], said: str) -> None:
    other = raspios(tmp_path, {**SYSTEM, **changed}, {})
    with pytest.raises(ImageError, match=said) as refused:
        base_check.examine(other)
    assert "Raspberry Pi OS Lite (64-bit)" in str(refused.value.hint)


def test_another_release_than_the_one_that_is_asked_for_is_refused(image: Path) -> None:
    with pytest.raises(ImageError, match="is Debian bookworm, not trixie"):
        base.expect(image, "trixie")


def test_an_image_without_a_64_bit_kernel_is_refused(tmp_path: Path) -> None:
    other = raspios(tmp_path, SYSTEM, {})
    run(["mdel", "-i", f"{other}@@{BOOT}", "::/kernel8.img"])
    with pytest.raises(ImageError, match=r"has no kernel8\.img"):
        base_check.examine(other)


@pytest.mark.parametrize(
    ("head", "said", "do"),
    [
        (b"\xfd7zXZ\0", "packed with xz", "unxz"),
        (b"PK\x03\x04", "packed with zip", "unzip"),
        (b"\x1f\x8b", "packed with gzip", "gunzip"),
        (b"\x28\xb5\x2f\xfd", "packed with zstd", "unzstd"),
    ],
)
def test_a_packed_image_is_named_as_such(tmp_path: Path, head: bytes, said: str, do: str) -> None:
    packed = tmp_path / "raspios.img.xz"
    packed.write_bytes(head + bytes(1000))
    with pytest.raises(ImageError, match=said) as refused:
        base_check.examine(packed)
    assert str(refused.value.hint).startswith(f"{do} ")


def _short(image: Path, path: Path) -> None:
    path.write_bytes(image.read_bytes()[: 30 * MIB])


def _ragged(image: Path, path: Path) -> None:
    path.write_bytes(image.read_bytes() + b"x")


def _blank(image: Path, path: Path) -> None:
    path.write_bytes(bytes(8 * MIB))


def _empty(image: Path, path: Path) -> None:
    path.touch()


def _one_partition(image: Path, path: Path) -> None:
    path.write_bytes(bytes(8 * MIB))
    run(["sfdisk", "--quiet", path], stdin="label: dos\nstart=2048, size=2048, type=83\n")


def _no_ext4(image: Path, path: Path) -> None:
    path.write_bytes(image.read_bytes()[:ROOT] + bytes(16 * MIB))


def _no_fat(image: Path, path: Path) -> None:
    whole = image.read_bytes()
    path.write_bytes(whole[:BOOT] + bytes(ROOT - BOOT) + whole[ROOT:])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_short, "cut short: a partition ends at byte"),
        (_ragged, "cut short: its .* bytes are no whole number of sectors"),
        (_blank, "no image of a disk"),
        (_empty, "no image of a disk"),
        (_one_partition, "no Raspberry Pi OS image"),
        (_no_ext4, "has no ext4 in its root partition"),
        (_no_fat, "has no FAT in its boot partition"),
    ],
)
def test_what_is_no_such_image_is_refused(
    image: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], said: str
) -> None:
    other = tmp_path / "other.img"
    spoil(image, other)
    with pytest.raises(ImageError, match=said):
        base_check.examine(other)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="nothing: No such file"):
        base_check.examine(tmp_path / "nothing")


def test_the_command_refuses_before_it_leaves_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "raspios.img.xz"
    packed.write_bytes(b"\xfd7zXZ\0" + bytes(1000))
    assert build_image.main(["--base", str(packed), "--out", str(tmp_path / "out")]) == 1
    assert "packed with xz" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
