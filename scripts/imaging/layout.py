"""What lies where on a card: the partition table of every unit, whatever its slots hold.

The Raspberry Pi's boot loader reads `autoboot.txt` on the first partition and goes on from the one that it
names. Nothing else lies on that partition, so that an update which is cut short cannot harm it. The two
slots' boot files and root file systems are alike in size, so that either can hold what the other holds; the
data partition is last, because it grows into what a card has left.

Sources: UEFI 2.10 §5.3 (GPT); Raspberry Pi documentation, "autoboot.txt" and "tryboot".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SECTOR = 512
MIB = 1024 * 1024
ALIGN = 4 * MIB
"""A card erases in blocks of at most this: a partition that begins within one wears out its neighbour's."""
TAIL = MIB
"""Room at the end for the second partition table, which takes 33 sectors."""

BASIC_DATA = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
"""The type under which the boot loader looks for FAT on a GPT. Source: Raspberry Pi eeprom release notes."""
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
UNIT_DATA = "b0c5a9e6-6d3f-4c52-9f0e-6a1d7f3c9b21"
"""Our own: rootfs/usr/lib/repart.d/data.conf grows the partition of this type and no other."""
SELECT_BYTES = 16 * MIB
DISK_ID = "5b0d3c38-1f0e-4f1e-8f7c-0a4e6d9c7a10"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its label, type and identifier, and its size; `start` in bytes once it is placed."""

    name: str
    type: str
    uuid: str
    size: int
    start: int = 0


def partitions(root_bytes: int, firmware_bytes: int, data_bytes: int) -> tuple[Partition, ...]:
    """The six partitions of a card, placed one behind the other."""
    table = (
        ("select", BASIC_DATA, SELECT_BYTES),
        ("firmware_a", BASIC_DATA, firmware_bytes),
        ("firmware_b", BASIC_DATA, firmware_bytes),
        ("root_a", LINUX, root_bytes),
        ("root_b", LINUX, root_bytes),
        ("data", UNIT_DATA, data_bytes),
    )
    placed, start = [], ALIGN
    for number, (name, kind, wanted) in enumerate(table, start=1):
        size = -(-wanted // ALIGN) * ALIGN
        uuid = f"{DISK_ID[:-2]}{number:02x}"
        placed.append(replace(Partition(name, kind, uuid, size), start=start))
        start += size
    return tuple(placed)


def image_bytes(table: tuple[Partition, ...]) -> int:
    """How large the whole image is."""
    return table[-1].start + table[-1].size + TAIL


def sfdisk_script(table: tuple[Partition, ...]) -> str:
    """The partition table in the words of sfdisk(8)."""
    lines = ["label: gpt", f"label-id: {DISK_ID}", "unit: sectors", "first-lba: 34"]
    for part in table:
        place = f"start={part.start // SECTOR}, size={part.size // SECTOR}"
        lines.append(f'{place}, type={part.type}, uuid={part.uuid}, name="{part.name}"')
    return "\n".join(lines) + "\n"
