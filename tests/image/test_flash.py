"""Flashing a card: what is refused, what is on it afterwards, and what an interruption leaves behind."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from anpr_edge.errors import AnprError, ImageError
from scripts.imaging import fat, flash
from scripts.imaging.blockmap import extents
from scripts.imaging.gpt import starts
from scripts.imaging.layout import MIB
from scripts.imaging.target import Machine, Target, examine
from scripts.imaging.writer import writing
from tests.image.cards import blank, needs_root, needs_tools, small_image

pytestmark = needs_tools


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_image(tmp_path_factory.mktemp("card"))


@pytest.fixture
def card(tmp_path: Path, image: Path) -> Path:
    return blank(tmp_path / "card", image.stat().st_size + 2 * MIB)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "unit-0001.bundle"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("manifest.cose")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    return path


def untouched(card: Path) -> bool:
    """Whether not a byte of a blank card was changed."""
    return card.read_bytes().count(b"\xa5") == card.stat().st_size


def write(image: Path, card: Path, bundle: Path | None = None) -> dict[str, object]:
    return flash.flash(image, card, bundle, sure=lambda target: None)


def test_what_the_block_map_names_is_on_the_card_and_the_rest_is_not_touched(image: Path, card: Path) -> None:
    done = write(image, card)
    mapped = extents(image)
    ours, theirs = image.read_bytes(), card.read_bytes()
    assert done["bytes"] == sum(part.length for part in mapped) < len(ours)
    assert all(ours[part.start : part.end] == theirs[part.start : part.end] for part in mapped)
    gaps = [(max(a.end, MIB), b.start) for a, b in pairwise(mapped)]
    gap = max(gaps, key=lambda gap: gap[1] - gap[0])
    assert theirs[gap[0] : gap[1]] == b"\xa5" * (gap[1] - gap[0])


def test_without_a_block_map_every_byte_is_written(image: Path, card: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.img"
    alone.write_bytes(image.read_bytes())
    write(alone, card)
    assert card.read_bytes()[: alone.stat().st_size].startswith(alone.read_bytes())


def test_a_bundle_is_in_the_folder_of_both_slots(image: Path, card: Path, bundle: Path) -> None:
    write(image, card, bundle)
    for slot in ("firmware_a", "firmware_b"):
        found = fat.read(card, "anpr/unit-0001.bundle", offset=starts(card)[slot])
        assert found == bundle.read_bytes()
    assert fat.read(card, "config.txt", offset=starts(card)["firmware_a"]) == b"arm_64bit=1\n"


class Pulled(Exception):
    """The card was pulled out."""


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_card_pulled_out_before_the_end_has_no_partition_table(image: Path, card: Path, after: int) -> None:
    write(image, card)  # it was a good one before

    def pull(what: str, more: int) -> None:
        nonlocal after
        if after == 0:
            raise Pulled
        after -= 1

    target = examine(card, image.stat().st_size)
    with contextlib.suppress(Pulled), writing(image, target, extents(image)) as going:
        going.clear()
        going.write(pull)
        going.verify(pull)
    with pytest.raises(ImageError, match="no GPT"):
        starts(card)
    assert card.read_bytes()[-MIB:] == bytes(MIB), "the second table of an earlier image is still there"
    write(image, card)
    assert starts(card) == starts(image)


def test_there_is_no_table_until_all_else_is_verified(image: Path, card: Path) -> None:
    target = examine(card, image.stat().st_size)
    with writing(image, target, extents(image)) as going:
        going.clear()
        going.write(lambda what, more: None)
        going.verify(lambda what, more: None)
        assert card.read_bytes()[:MIB] == bytes(MIB)
        going.finish()
    assert card.read_bytes()[:MIB] == image.read_bytes()[:MIB]


def test_a_card_that_lies_about_what_it_holds_is_found_out(image: Path, card: Path) -> None:
    """A forged card with less memory than it says: what is written far out comes back as something else."""
    target = examine(card, image.stat().st_size)
    place = starts(image)["root_a"] + 12_345
    with writing(image, target, extents(image)) as going:
        going.clear()
        going.write(lambda what, more: None)
        with card.open("r+b") as file:
            file.seek(place)
            file.write(b"\xff\x00\xff\x00")
        with pytest.raises(ImageError, match="does not hold what was written"):
            going.verify(lambda what, more: None)
    with pytest.raises(ImageError, match="no GPT"):
        starts(card)


def test_a_damaged_image_is_found_out_by_its_block_map(image: Path, card: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.img"
    content = bytearray(image.read_bytes())
    content[starts(image)["root_a"] + 5] ^= 1
    broken.write_bytes(content)
    broken.with_suffix(".bmap").write_text(image.with_suffix(".bmap").read_text())
    with pytest.raises(ImageError, match="the image is damaged between bytes"):
        write(broken, card)
    with pytest.raises(ImageError, match="no GPT"):
        starts(card)


def test_a_card_that_is_too_small_is_refused_untouched(image: Path, tmp_path: Path) -> None:
    small = blank(tmp_path / "small", image.stat().st_size - 1)
    with pytest.raises(ImageError, match="too small: the image has"):
        write(image, small)
    assert untouched(small)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "No such file"),
        ("", "neither a disk nor a file"),
        ("/dev/null", "neither a disk nor a file"),
    ],
)
def test_what_is_no_card_is_refused(image: Path, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        write(image, tmp_path / name)


@pytest.mark.parametrize("name", ["unit.tar", "unit.bundle"])
def test_what_is_no_bundle_is_refused_before_the_card_is_touched(image: Path, card: Path, name: str) -> None:
    wrong = card.with_name(name)
    wrong.write_bytes(b"not a tar file" * 100)
    with pytest.raises(ImageError, match="no unit's bundle"):
        write(image, card, wrong)
    assert untouched(card)


def test_the_image_is_not_flashed_onto_itself(image: Path) -> None:
    with pytest.raises(ImageError, match="is the image itself"):
        write(image, image)


def test_nobody_to_ask_and_no_yes_is_a_usage_error() -> None:
    arguments = flash.parser().parse_args(["image", "device"])
    with pytest.raises(AnprError, match="nobody is here") as caught:
        flash._sure(arguments)(Target(Path("/dev/sdz"), 1, True, "made up"))
    assert caught.value.exit_code == 2


def test_an_interrupted_program_says_so_and_leaves_no_table(image: Path, card: Path) -> None:
    """The real program, stopped as by Ctrl-C while it writes."""
    command = [sys.executable, "-m", "scripts.imaging.flash", str(image), str(card)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=Path(flash.__file__).parents[2]
    ) as going:
        assert going.stderr is not None
        for line in going.stderr:
            if line.startswith("writing"):
                going.send_signal(2)
                break
        said = going.stderr.read()
    assert going.returncode in (130, 0)
    if going.returncode == 130:
        assert "boots nowhere" in said
        with pytest.raises(ImageError, match="no GPT"):
            starts(card)


# ── real block devices ────────────────────────────────────────────────────────────────────


@pytest.fixture
def disk(card: Path) -> Iterator[Path]:
    """A loop device: a real disk to the system, a file to us."""
    made = subprocess.run(
        ["losetup", "--find", "--show", "--partscan", card], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no loop device here: {made.stderr.strip()}")
    device = Path(made.stdout.strip())
    yield device
    subprocess.run(["losetup", "--detach", device], check=True)


@needs_root
def test_a_real_disk_is_written_and_verified(image: Path, disk: Path, bundle: Path) -> None:
    write(image, disk, bundle)
    with disk.open("rb") as device, image.open("rb") as ours:
        assert device.read(MIB) == ours.read(MIB)
    assert fat.read(disk, "anpr/unit-0001.bundle", offset=starts(image)["firmware_a"]) == bundle.read_bytes()


@needs_root
def test_a_mounted_disk_is_refused_and_named(image: Path, disk: Path, tmp_path: Path) -> None:
    subprocess.run(["mke2fs", "-q", "-F", disk], check=True)
    place = tmp_path / "a place"
    place.mkdir()
    subprocess.run(["mount", disk, place], check=True)
    try:
        with pytest.raises(ImageError, match=f"in use: /dev/{disk.name} is mounted on {place}"):
            write(image, disk)
    finally:
        subprocess.run(["umount", place], check=True)


@needs_root
def test_a_disk_that_is_open_for_itself_alone_is_refused(image: Path, disk: Path) -> None:
    holder = os.open(disk, os.O_RDWR | os.O_EXCL)
    try:
        with pytest.raises(ImageError, match="cannot be opened for writing: Device or resource busy"):
            write(image, disk)
    finally:
        os.close(holder)


@needs_root
def test_partitions_own_disks_swap_and_parts_of_others_are_refused(disk: Path, tmp_path: Path) -> None:
    """The rules, over made-up tables of one real device."""
    number = f"{os.major(disk.stat().st_rdev)}:{os.minor(disk.stat().st_rdev)}"
    entry = tmp_path / f"sys/block/{disk.name}"
    part = entry / f"{disk.name}p1"
    (part / "holders").mkdir(parents=True)
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    (tmp_path / "sys/dev/block" / number).symlink_to(entry)
    (entry / "dev").write_text(number)
    (part / "dev").write_text("259:77")
    (part / "partition").write_text("1")
    mounts, swaps = tmp_path / "mountinfo", tmp_path / "swaps"
    machine = Machine(tmp_path / "sys", mounts, swaps)

    def said(mount: str = "", swap: str = "") -> str:
        mounts.write_text(f"1 0 {mount}\n" if mount else "")
        swaps.write_text(f"Filename Type\n{swap}\n")
        with pytest.raises(ImageError) as caught:
            examine(disk, 1, machine)
        return str(caught.value)

    assert f"own disk: /dev/{part.name} is mounted on /" in said("259:77 / / rw - ext4 /dev/x rw")
    assert f"own disk: /dev/{disk.name} is mounted on /" in said(f"0:30 / / rw - btrfs {disk} rw")
    assert f"in use: /dev/{part.name} is mounted on /media/x" in said("259:77 / /media/x rw - ext4 /dev/x rw")
    assert "it swaps to" in said(swap=f"/dev/{part.name} partition")
    (part / "holders/dm-0").touch()
    assert f"/dev/{part.name} is a part of dm-0" in said()
    (entry / "partition").write_text("1")
    assert "is a partition, not a disk" in said()
