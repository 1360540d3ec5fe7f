"""Is the disk that holds the outbox near its end?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.machine import Machine, read_number, read_text
from anpr_edge.diag.subject import Subject

WORN_PERCENT, SPENT_PERCENT = 80, 100
_LIFE_STEPS = range(12)

DISK_WEAR = Condition(
    code="disk-wear",
    title="The disk has life left",
    severity=Severity.READS,
    explanation=(
        "Flash can be written so often and no more; every read is. eMMC and NVMe disks count it themselves. "
        "SD cards do not tell: an industrial one is worth its price."
    ),
    depends_on=("config",),
    next_step="plan its replacement; what the outbox holds is sent before: anpr-edge outbox",
)
DISK_ERRORS = Condition(
    code="disk-errors",
    title="The file system has met no error",
    severity=Severity.READS,
    explanation=(
        "ext4 counts the errors it has met since it was last checked. The first one is a reason to look: a "
        "worn card, a bad connector, a supply that breaks down."
    ),
    depends_on=("config",),
    next_step="dmesg shows the errors; check power, then replace the disk, or let fsck mend it at a boot",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The disk below the state folder, by what the kernel and it say of itself."""
    folder = subject.config.unit.state_dir
    try:
        device = folder.stat().st_dev
    except OSError as error:
        reason = f"{folder}: {error.strerror}"
        yield not_checked(
            DISK_WEAR, reason, next_step="anpr-edge init makes the folder; sudo, if it is there"
        )
        yield not_checked(DISK_ERRORS, reason, next_step="anpr-edge init makes the folder")
        return
    part = subject.machine.sys / f"dev/block/{os.major(device)}:{os.minor(device)}"
    if not part.exists():
        yield absent(DISK_WEAR, f"{folder} is not on a disk of its own")
        yield absent(DISK_ERRORS, f"{folder} is not on a disk of its own")
        return
    part = part.resolve()
    yield _wear(subject.machine, part.parent if (part / "partition").exists() else part)
    yield _errors(subject.machine, part.name)


def _wear(machine: Machine, disk: Path) -> Finding:
    if (disk / "device/life_time").exists():
        life = read_text(disk / "device/life_time")
        return _emmc(disk.name, life or "", read_number(disk / "device/pre_eol_info"))
    if disk.name.startswith("nvme"):
        return _nvme(machine, disk.name)
    return absent(DISK_WEAR, f"{disk.name}: its wear cannot be asked for")


def _emmc(name: str, life: str, end: int | None) -> Finding:
    """Source: JEDEC JESD84-B51, EXT_CSD bytes 267 to 269: life in steps of 10 %, 11 when it is exceeded."""
    try:
        percent = max(_LIFE_STEPS.index(int(one, 16)) for one in life.split()) * 10
    except ValueError:
        step = f"cat /sys/block/{name}/device/life_time: two numbers, as 0x02 0x01"
        return not_checked(DISK_WEAR, f"{name}: what it says of its life is none", next_step=step)
    measured = f"{name}: up to {min(percent, 100)} % of its life used"
    if percent > SPENT_PERCENT or end == 3:
        return fail(DISK_WEAR, f"{measured}, beyond its end", limit=f"{WORN_PERCENT} %")
    if percent > WORN_PERCENT or end == 2:
        return warn(DISK_WEAR, measured, limit=f"{WORN_PERCENT} %")
    return ok(DISK_WEAR, measured, f"{WORN_PERCENT} %")


def _nvme(machine: Machine, name: str) -> Finding:
    """Source: smartctl(8) --json; NVM Express Base Specification, SMART log, bytes 0, 5."""
    controller = name.partition("n1")[0] if "n1" in name else name
    answer = machine.ask(["smartctl", "--json", "--attributes", f"/dev/{controller}"])
    try:
        log: Any = json.loads(answer or "null")
        used = int(log["nvme_smart_health_information_log"]["percentage_used"])
        warning = int(log["nvme_smart_health_information_log"]["critical_warning"])
    except (ValueError, TypeError, KeyError):
        return absent(DISK_WEAR, f"{name}: smartctl (smartmontools) does not tell")
    measured = f"{name}: {used} % of its life used"
    if used >= SPENT_PERCENT or warning:
        words = f", critical warning 0x{warning:02x}" if warning else ""
        return fail(DISK_WEAR, measured + words, limit=f"{WORN_PERCENT} %")
    if used > WORN_PERCENT:
        return warn(DISK_WEAR, measured, limit=f"{WORN_PERCENT} %")
    return ok(DISK_WEAR, measured, f"{WORN_PERCENT} %")


def _errors(machine: Machine, part: str) -> Finding:
    """Source: Linux Documentation/ABI/testing/sysfs-fs-ext4, errors_count."""
    file = machine.sys / f"fs/ext4/{part}/errors_count"
    if not file.exists():
        return absent(DISK_ERRORS, f"{part}: this file system does not count them")
    count = read_number(file)
    if count is None or count < 0:
        step = f"cat /sys/fs/ext4/{part}/errors_count; dmesg: is the disk still there?"
        return not_checked(DISK_ERRORS, f"{part}: its count of errors is none", next_step=step)
    return (
        fail(DISK_ERRORS, f"{part}: {count} errors", limit="0") if count else ok(DISK_ERRORS, f"{part}: none")
    )


CHECK = Check("storage", (DISK_WEAR, DISK_ERRORS), run)
