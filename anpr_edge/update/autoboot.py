"""`autoboot.txt`: which partition the Raspberry Pi's firmware boots, and which one when told to try once.

The firmware reads it on the first FAT partition, before anything else. It is the one thing that says which
system is in force, so it is tiny, always of the same shape, and replaced as a whole.

Source: raspberrypi.com/documentation/computers/config_txt.html, "autoboot.txt" and "The [tryboot] filter".
"""

from __future__ import annotations

from typing import Final

from anpr_edge.errors import UpdateError

AUTOBOOT_FILE: Final = "autoboot.txt"
MOST_BYTES: Final = 512
"""The firmware reads no more than this; it is also one sector, which a disk writes whole or not at all."""

HIGHEST_PARTITION: Final = 63


def render(boots: int, tries: int) -> bytes:
    """The file for a firmware that boots partition `boots`, and `tries` when told to try once."""
    text = f"[all]\ntryboot_a_b=1\nboot_partition={boots}\n[tryboot]\nboot_partition={tries}\n"
    return text.encode("ascii")


def parse(content: bytes) -> tuple[int, int]:
    """The partitions (boots, tries) that a file names, as the firmware takes it.

    Raises: UpdateError when it does not name both.
    """
    if len(content) > MOST_BYTES:
        raise _damaged(f"{len(content)} bytes, the firmware reads {MOST_BYTES}")
    named: dict[str, int] = {}
    section = "all"
    for line in content.decode("ascii", "replace").splitlines():
        key, equals, value = line.strip().partition("=")
        if key.startswith("[") and key.endswith("]"):
            section = key[1:-1]
        elif equals and key == "boot_partition":
            if not value.isdecimal() or not 1 <= int(value) <= HIGHEST_PARTITION:
                raise _damaged(f"[{section}] boot_partition is {value[:16]!r}")
            named[section] = int(value)
    if not {"all", "tryboot"} <= named.keys():
        raise _damaged("it does not name a partition in both [all] and [tryboot]")
    return named["all"], named["tryboot"]


def _damaged(why: str) -> UpdateError:
    return UpdateError(
        f"{AUTOBOOT_FILE} cannot be used: {why}",
        hint="anpr-edge update commit --without-gate writes it anew, for the system that runs",
    )
