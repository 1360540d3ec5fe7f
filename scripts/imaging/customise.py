"""Makes a unit's root file system of a plain one: our files, our programs, and nothing that listens.

What goes in is one tar file, the *overlay*: everything of rootfs/, the services of systemd/, trust anchors,
and the wheels, which setup.sh installs inside and takes out again.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anpr_edge import __version__
from anpr_edge.errors import ImageError
from scripts.imaging.tools import run

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
STAGE = "opt/anpr-edge/stage"
TRUST = "usr/share/anpr-edge/trust"
UNITS = "etc/systemd/system"
RELEASE = "usr/lib/anpr-edge/release"
"""This image's version, as `anpr-edge update` compares it."""
ELSEWHERE = {
    "hw/boot/watchdog.conf": ("etc/systemd/system.conf.d/anpr-edge-watchdog.conf", 0o644),
    "systemd/rauc-system.conf": ("etc/rauc/system.conf", 0o644),
    "systemd/rauc-backend": ("usr/lib/anpr-edge/rauc-backend", 0o755),
    "systemd/slots.toml": ("usr/lib/anpr-edge/slots.toml", 0o644),
}
"""Files of the checkout that go to a place of their own, and how."""
SCRIPTS = ("setup.sh", "raspios.sh", "doors.sh")
"""What runs inside, the first calling the others."""
RAUC_KEYRING = "etc/rauc/keyring.pem"


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom units with this image believe: public keys and certificates of one fleet, or nobody yet."""

    provision: Path | None = None
    release: Path | None = None

    def files(self) -> Mapping[str, bytes]:
        """Where each lies on the unit.

        Raises: ImageError when one cannot be read or is a private key.
        """
        found = {}
        for path, name in ((self.provision, "provision.pub"), (self.release, "release.crt")):
            if path is not None:
                found[f"{TRUST}/{name}"] = _public(path)
        return found


def _public(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from error
    if b"PRIVATE KEY" in content:
        raise ImageError(
            f"{path} is a private key: an image holds public ones alone",
            hint="give the file that ends in .pub or .crt",
        )
    return content


@dataclass(slots=True)
class Overlay:
    """Files to be laid over a root file system, all of root, dated `epoch`."""

    epoch: int
    files: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    def add(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """One file, by its path without the leading slash."""
        self.files[name] = (mode, content)

    def add_folder(self, name: str) -> None:
        """A folder, which may stay empty."""
        self.folders.append(name)

    def add_tree(self, folder: Path, under: str = "") -> None:
        """All files of a folder; those that may be executed stay so."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                executable = bool(path.stat().st_mode & 0o100)
                self.add(
                    under + str(path.relative_to(folder)), path.read_bytes(), 0o755 if executable else 0o644
                )

    def write(self, path: Path) -> None:
        """The overlay as a tar file; the same overlay gives the same bytes."""
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            above = {str(up) for name in self.files for up in Path(name).parents}
            for folder in sorted({*above, *self.folders} - {"."}):
                tar.addfile(self._entry(folder, tarfile.DIRTYPE, 0o755))
            for name, (mode, content) in sorted(self.files.items()):
                entry = self._entry(name, tarfile.REGTYPE, mode)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))

    def _entry(self, name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(f"./{name}")
        entry.type, entry.mode, entry.mtime = kind, mode, self.epoch
        entry.uname = entry.gname = "root"
        return entry


def overlay(epoch: int, anchors: Anchors, wheels: Path, version: str = __version__) -> Overlay:
    """Everything that makes a plain system a unit's.

    Raises: ImageError when an anchor cannot be used.
    """
    laid = Overlay(epoch)
    laid.add_tree(HERE / "rootfs")
    for unit in sorted((CHECKOUT / "systemd").iterdir()):
        if unit.suffix in (".service", ".target", ".timer", ".path", ".mount"):
            laid.add(f"{UNITS}/{unit.name}", unit.read_bytes())
    for kind in ("sysusers", "tmpfiles"):
        laid.add(
            f"usr/lib/{kind}.d/anpr-edge.conf", (CHECKOUT / f"systemd/anpr-edge.{kind}.conf").read_bytes()
        )
    for source, (name, mode) in ELSEWHERE.items():
        if (CHECKOUT / source).exists():
            laid.add(name, (CHECKOUT / source).read_bytes(), mode)
    laid.add(RELEASE, f"{version}\n".encode())
    _add_anchors(laid, anchors)
    for wheel in sorted(wheels.iterdir()):
        laid.add(f"{STAGE}/wheels/{wheel.name}", wheel.read_bytes())
    for script in SCRIPTS:
        laid.add(f"{STAGE}/{script}", (HERE / script).read_bytes(), 0o755)
    return laid


def _add_anchors(laid: Overlay, anchors: Anchors) -> None:
    """Anchors lie in the root file system, which is signed as a whole; what the unit reads points to them."""
    lines = ["# Whom this unit believes: put back at every boot, whatever the data partition holds."]
    for name, content in anchors.files().items():
        laid.add(name, content)
        lines.append(f"L+ /etc/anpr-edge/{Path(name).name} - - - - /{name}")
        if name.endswith("/release.crt"):
            laid.add(RAUC_KEYRING, content)
    laid.add("usr/lib/tmpfiles.d/anpr-edge-trust.conf", ("\n".join(lines) + "\n").encode())


def customise(
    plain: Path, laid: Path, tar: Path, *, epoch: int, kernel: bool, more: Sequence[str], log: Path
) -> None:
    """Lay the overlay `laid` over the system in `plain` and run setup.sh in it; the outcome is `tar`.

    `kernel` says that the initramfs is to be made of the system's kernel, `more` which packages that system
    has to be given from its own sources unless it has them.

    Raises: ImageError when it fails.
    """
    clean = f"env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SOURCE_DATE_EPOCH={epoch}"
    names = 'rm -f "$1/etc/resolv.conf"; cp /etc/resolv.conf "$1/etc/resolv.conf"'
    setup = f'{clean} chroot "$1" /{STAGE}/setup.sh {"kernel" if kernel else "no-kernel"} {" ".join(more)}'
    run(
        [
            *("mmdebstrap", "--variant=custom", "--architectures=arm64"),
            *("--skip=update", "--skip=setup", "--skip=cleanup/apt,cleanup/mmdebstrap"),
            f"--setup-hook=tar-in {plain} /",
            *([f"--customize-hook={names}"] if more else []),
            f"--customize-hook=tar-in {laid} /",
            f"--customize-hook={setup}",
            *("", tar),
        ],
        env={"SOURCE_DATE_EPOCH": str(epoch), "TMPDIR": str(tar.parent), "PYTHONHASHSEED": "0"},
        log=log,
    )
