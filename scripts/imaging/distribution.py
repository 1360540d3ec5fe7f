"""The operating system that a unit's image starts from, as a tar file: Debian's own arm64 packages.

mmdebstrap runs without root where user namespaces are allowed, and gives the same bytes twice. Packages are
configured by arm64 programs, under emulation: the kernel has to know qemu-aarch64 (binfmt_misc).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.errors import ImageError
from scripts.imaging.tools import run

SUITES = {"bookworm": "311", "trixie": "313"}
"""Debian releases that a unit runs on, and the Python of each as the wheelhouse calls it."""

BASE = (
    *("systemd", "systemd-sysv", "systemd-resolved", "systemd-timesyncd", "udev", "dbus", "kmod", "netbase"),
    *("iproute2", "ca-certificates", "tzdata", "e2fsprogs", "dosfstools", "initramfs-tools", "zstd"),
    *("linux-image-arm64", "raspi-firmware"),
)
UNIT = ("python3", "python3-venv", "python3-systemd", "rauc", "rauc-service")
"""What the unit's own programs need from the system, whichever it is."""
LATER = {"trixie": ("systemd-repart",)}
"""What a newer release has in a package of its own."""

LEFT_OUT = (
    *("/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*"),
    *("/usr/share/doc/*", "/usr/share/doc-base/*", "/usr/share/bug/*"),
)
KEPT = "/usr/share/doc/*/copyright"
BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")


def emulation() -> None:
    """Make sure that arm64 programs run here.

    Raises: ImageError with what to do where they do not.
    """
    if Path("/proc/sys/kernel/osrelease").read_text().strip().endswith("arm64") or BINFMT.exists():
        return
    raise ImageError(
        "arm64 programs do not run here: binfmt_misc does not know qemu-aarch64",
        hint="sudo apt-get install qemu-user-static; without systemd also: sudo mount -t binfmt_misc "
        "binfmt_misc /proc/sys/fs/binfmt_misc && sudo sh -c 'cat /usr/lib/binfmt.d/qemu-aarch64.conf "
        ">/proc/sys/fs/binfmt_misc/register'",
    )


def packages(suite: str, more: Sequence[str] = ()) -> tuple[str, ...]:
    """The Debian packages of a unit's system."""
    return (*BASE, *UNIT, *LATER.get(suite, ()), *more)


@dataclass(frozen=True, slots=True)
class System:
    """A plain Debian for arm64: which release, dated when, from where, with what beyond the usual."""

    suite: str
    epoch: int
    mirror: str = ""
    more: tuple[str, ...] = ()

    def command(self, *options: str, tar: str | Path) -> list[str | Path]:
        """How mmdebstrap makes it."""
        return [
            "mmdebstrap",
            "--architectures=arm64",
            "--variant=minbase",
            "--components=main,non-free-firmware",
            f"--include={','.join(packages(self.suite, self.more))}",
            '--aptopt=Apt::Install-Recommends "false"',
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
            f"--dpkgopt=path-include={KEPT}",
            *options,
            *(self.suite, tar),
            *([self.mirror] if self.mirror else []),
        ]

    def env(self, scratch: Path) -> dict[str, str]:
        """An initramfs is made once, at the end, with what is wanted in it: not for each package."""
        return {"SOURCE_DATE_EPOCH": str(self.epoch), "TMPDIR": str(scratch), "INITRD": "No"}

    def key(self, scratch: Path, log: Path) -> str:
        """What the same system always has the same of: each package's version, and how it is put together.

        Raises: ImageError when the mirror cannot be asked.
        """
        with (scratch / "simulated").open("w+") as said:
            run(
                self.command("--simulate", "--verbose", tar="/dev/null"),
                env=self.env(scratch),
                log=Path(said.name),
            )
            chosen = sorted(
                {line for line in said.read().splitlines() if line.startswith(("Inst ", "Conf "))}
            )
        if not chosen:
            raise ImageError("mmdebstrap names no packages", hint=f"{log} says what it did")
        facts = "\n".join([*map(str, self.command(tar="-")), str(self.epoch), *chosen])
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


def bootstrap(system: System, tar: Path, *, cache: Path, fresh: bool, log: Path) -> bool:
    """Make `tar` hold the system; whether it came from the cache, where it is kept for the next time.

    A system in the cache is one of exactly these package versions; `fresh` has it made all the same.

    Raises: ImageError when mmdebstrap fails.
    """
    kept = cache / f"system-{system.suite}-{system.key(tar.parent, log)}.tar"
    if kept.exists() and not fresh:
        shutil.copyfile(kept, tar)
        return True
    run(system.command(tar=tar), env=system.env(tar.parent), log=log)
    for old in cache.glob(f"system-{system.suite}-*.tar"):
        old.unlink()
    draft = kept.with_suffix(".new")
    shutil.copyfile(tar, draft)
    draft.replace(kept)
    return False
