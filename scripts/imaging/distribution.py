"""The operating system that a unit's image starts from, as a tar file: Debian's own arm64 packages.

mmdebstrap runs without root where user namespaces are allowed, and gives the same bytes twice. Packages are
configured by arm64 programs, under emulation: the kernel has to know qemu-aarch64 (binfmt_misc).
"""

from __future__ import annotations

from collections.abc import Sequence
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
UNIT = ("python3", "python3-venv", "python3-systemd", "rauc")
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
        hint="sudo apt-get install qemu-user-static; without systemd also: sudo mount -t binfmt_misc binfmt_misc "
        "/proc/sys/fs/binfmt_misc && sudo sh -c 'cat /usr/lib/binfmt.d/qemu-aarch64.conf "
        ">/proc/sys/fs/binfmt_misc/register'",
    )


def packages(suite: str, more: Sequence[str] = ()) -> tuple[str, ...]:
    """The Debian packages of a unit's system."""
    return (*BASE, *UNIT, *LATER.get(suite, ()), *more)


def bootstrap(
    suite: str, tar: Path, *, epoch: int, cache: Path, mirror: str, more: Sequence[str], log: Path
) -> None:
    """Make `tar` hold a Debian `suite` for arm64 with a kernel, its packages kept in `cache` for the next time.

    Raises: ImageError when mmdebstrap fails.
    """
    debs = cache / f"debs-{suite}"
    debs.mkdir(parents=True, exist_ok=True)
    archives = "/var/cache/apt/archives"
    options = [
        "--architectures=arm64",
        "--variant=minbase",
        "--components=main,non-free-firmware",
        f"--include={','.join(packages(suite, more))}",
        '--aptopt=Apt::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        f"--dpkgopt=path-include={KEPT}",
        "--skip=essential/unlink",
        f'--setup-hook=mkdir -p "$1"{archives}',
        f"--setup-hook=sync-in {debs} {archives}",
        f"--customize-hook=sync-out {archives} {debs}",
    ]
    # The kernel's packages would each make an initramfs now; one is made at the end, of what is wanted in it.
    run(
        ["mmdebstrap", *options, suite, tar, *([mirror] if mirror else [])],
        env={"SOURCE_DATE_EPOCH": str(epoch), "TMPDIR": str(tar.parent), "INITRD": "No"},
        log=log,
    )
