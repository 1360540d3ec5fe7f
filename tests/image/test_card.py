"""The image of a card: its partition table, its boot files, and what a block map leaves out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from anpr_edge.errors import ImageError
from scripts.imaging import card, fat, firmware, layout
from scripts.imaging.blockmap import extents
from scripts.imaging.gpt import starts
from scripts.imaging.layout import MIB
from scripts.imaging.tools import run
from tests.image.cards import EPOCH, needs_tools, small_image, small_table

pytestmark = needs_tools


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_image(tmp_path_factory.mktemp("card"))


def test_the_partition_table_is_what_the_boot_loader_and_the_root_file_system_count_on(image: Path) -> None:
    table = json.loads(run(["sfdisk", "--json", image]))["partitiontable"]
    assert table["label"] == "gpt"
    names = [part["name"] for part in table["partitions"]]
    assert names == ["select", "firmware_a", "firmware_b", "root_a", "root_b", "data"]
    types = [part["type"].lower() for part in table["partitions"]]
    assert types == [layout.BASIC_DATA] * 3 + [layout.LINUX] * 2 + [layout.UNIT_DATA]
    assert all(part["start"] * 512 % layout.ALIGN == 0 for part in table["partitions"])
    sizes = {part["name"]: part["size"] for part in table["partitions"]}
    assert sizes["firmware_a"] == sizes["firmware_b"]
    assert sizes["root_a"] == sizes["root_b"]


def test_what_the_boot_loader_is_told_to_start_are_the_two_slots() -> None:
    lines = firmware.selector()["autoboot.txt"].decode().split()
    numbers = [
        int(line.removeprefix("boot_partition=")) for line in lines if line.startswith("boot_partition=")
    ]
    assert [small_table()[number - 1].name for number in numbers] == ["firmware_a", "firmware_b"]


def test_our_own_reading_of_the_table_agrees_with_sfdisk(image: Path) -> None:
    assert starts(image) == {part.name: part.start for part in small_table()}


def test_only_the_data_partition_has_the_type_that_grows() -> None:
    grown = (Path(layout.__file__).parent / "rootfs/usr/lib/repart.d/data.conf").read_text()
    assert f"Type={layout.UNIT_DATA}" in grown
    assert [part.name for part in small_table() if part.type == layout.UNIT_DATA] == ["data"]


def test_boot_files_are_read_back_from_the_slot_they_were_put_into(image: Path) -> None:
    assert fat.read(image, "config.txt", offset=starts(image)["firmware_a"]) == b"arm_64bit=1\n"
    assert fat.listing(image, offset=starts(image)["firmware_b"]) == []


def test_the_same_files_give_the_same_fat_twice(tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        path = tmp_path / name
        files = {"overlays/x.dtbo": b"x" * 5000, "config.txt": b"a\n"}
        fat.make(path, files, label="FIRMWARE_A", serial="a4e1000a", size=12 * MIB, epoch=EPOCH)
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="mcopy failed"):
        fat.make(
            tmp_path / "fat",
            {"kernel8.img": bytes(16 * MIB)},
            label="FIRMWARE_A",
            serial="a4e1000a",
            size=12 * MIB,
            epoch=EPOCH,
        )


def test_a_file_system_of_zeros_is_written_and_a_hole_in_fat_is_not(tmp_path: Path) -> None:
    with (tmp_path / "zeros").open("wb") as zeros:  # as mke2fs leaves what it counts on to be zeros
        zeros.truncate(2 * MIB)
    with (tmp_path / "hole").open("wb") as hole:
        hole.truncate(12 * MIB)
    image = tmp_path / "card.img"
    card.assemble(image, small_table(), {"root_a": tmp_path / "zeros", "firmware_b": tmp_path / "hole"})
    card.write_bmap(image)
    places, mapped = starts(image), extents(image)
    root = range(places["root_a"], places["root_a"] + 2 * MIB, 4096)
    assert all(any(part.start <= byte < part.end for part in mapped) for byte in root)
    assert not any(part.start < places["root_a"] and part.end > places["firmware_b"] for part in mapped)


def test_a_block_map_of_another_image_is_refused(image: Path, tmp_path: Path) -> None:
    shorter = tmp_path / "card.img"
    shorter.write_bytes(image.read_bytes()[:-MIB])
    shorter.with_suffix(".bmap").write_text(image.with_suffix(".bmap").read_text())
    with pytest.raises(ImageError, match=r"belongs to an image of \d+ bytes"):
        extents(shorter)


def test_a_damaged_block_map_is_refused(image: Path, tmp_path: Path) -> None:
    copied = tmp_path / "card.img"
    copied.write_bytes(image.read_bytes())
    text = image.with_suffix(".bmap").read_text()
    copied.with_suffix(".bmap").write_text(text.replace("<BlockSize> 4096", "<BlockSize> 8192"))
    with pytest.raises(ImageError, match="its checksum does not hold"):
        extents(copied)


@pytest.mark.parametrize(("at", "said"), [(512, "no GPT"), (530, "checksum"), (1100, "checksum")])
def test_a_damaged_partition_table_is_refused(image: Path, tmp_path: Path, at: int, said: str) -> None:
    broken = tmp_path / "card.img"
    content = bytearray(image.read_bytes())
    content[at] ^= 1
    broken.write_bytes(content)
    with pytest.raises(ImageError, match=said):
        starts(broken)


@pytest.mark.skipif(not shutil.which("systemd-repart"), reason="sudo apt-get install systemd")
def test_on_a_larger_card_the_data_partition_grows_and_no_other_changes(tmp_path: Path) -> None:
    image = small_image(tmp_path)
    before = json.loads(run(["sfdisk", "--json", image]))["partitiontable"]["partitions"]
    with image.open("r+b") as file:
        file.truncate(200 * MIB)
    definitions = Path(layout.__file__).parent / "rootfs/usr/lib/repart.d"
    run(["systemd-repart", f"--definitions={definitions}", "--dry-run=no", "--discard=no", image])
    after = json.loads(run(["sfdisk", "--json", image]))["partitiontable"]["partitions"]
    assert after[:-1] == before[:-1]
    assert {**after[-1], "size": before[-1]["size"]} == before[-1]
    assert after[-1]["size"] * 512 > 130 * MIB
