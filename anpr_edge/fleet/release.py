"""System updates: signs images of a release into one RAUC bundle, which the fleet's units believe.

The private key reaches rauc through memory alone: no copy of it without its passphrase touches a disk.
Source: rauc.readthedocs.io, reference, manifest and command line tool.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from anpr_edge.errors import AnprError, KeyFileError, UsageError, reason
from anpr_edge.fleet.authority import CERTIFICATE_FILE
from anpr_edge.fleet.folder import RELEASE_CERTIFICATE, FleetFolder
from anpr_edge.fleet.issuing import key_pem, now_of
from anpr_edge.fleet.keysfolder import read_pem
from anpr_edge.seams import Clock

COMPATIBLE: Final = "anpr-edge"
"""Which systems it is for: RAUC installs no bundle whose word is another than its unit's."""

VERSION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9}){0,3})(?:-(\d{1,9}))?")
"""`1.4.2`, or `1.4.2-3` for the third build of the same software."""

KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
Format = Literal["plain", "verity"]


@dataclass(frozen=True, slots=True)
class Release:
    """What is to be signed. `images` are files by the kind of slot they are for.

    `readable_by` is the lowest data format that can read what this release leaves on a unit (docs/update.md).
    """

    version: str
    images: Mapping[str, Path]
    format: Format = "verity"
    readable_by: int = 1

    def check(self) -> None:
        """Raises: UsageError for a version, a kind or an image that cannot be."""
        if not VERSION.fullmatch(self.version):
            raise UsageError(
                f"{self.version!r} is no version", hint="up to four numbers with dots, as 1.4.2 or 1.4.2-3"
            )
        for kind, path in self.images.items():
            if not KIND.fullmatch(kind):
                raise UsageError(f"{kind!r} is no kind of slot", hint="as in --image rootfs=rootfs.img")
            if not path.is_file() or not path.stat().st_size:
                raise UsageError(
                    f"{path}: no image: not a file, or empty", hint="scripts/build-image makes it"
                )

    def manifest(self) -> str:
        """The bundle's manifest; RAUC adds sizes and hashes."""
        update = f"compatible={COMPATIBLE}\nversion={self.version}\nbuild=readable-by={self.readable_by}\n"
        images = [f"[image.{kind}]\nfilename={kind}.img\n" for kind in self.images]
        return "\n".join((f"[update]\n{update}", f"[bundle]\nformat={self.format}\n", *images))


def check_release_dates(folder: FleetFolder, clock: Clock) -> None:
    """Refuse to sign what units would refuse. Raises: KeyFileError."""
    now = now_of(clock)
    for name in (CERTIFICATE_FILE, RELEASE_CERTIFICATE):
        path = folder.authority_dir / name
        certificate = read_pem(path)
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if now < start:
            raise KeyFileError(
                f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, and {path} is good from "
                f"{start:%Y-%m-%d %H:%M} on",
                hint="set the clock",
            )
        if now >= end:
            raise KeyFileError(f"{path} ended on {end:%Y-%m-%d}; it is {now:%Y-%m-%d} now")


def sign_release(
    folder: FleetFolder, key: ec.EllipticCurvePrivateKey, release: Release, out: Path
) -> x509.Certificate:
    """Write the signed bundle as the new file `out`; gives the certificate that signed it.

    rauc verifies what it has signed as units will, by the authority's certificate.

    Raises: UsageError for a release that cannot be or a file that is there, AnprError when rauc is missing
    or fails.
    """
    release.check()
    if out.exists():
        raise UsageError(f"{out} exists", hint="name a new file: a release is never written over")
    _need_programs()
    own, certificate = folder.authority_dir / CERTIFICATE_FILE, folder.authority_dir / RELEASE_CERTIFICATE
    try:
        with (
            tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.absolute().parent) as name,
            _in_memory(key_pem(key)) as (descriptor, key_path),
        ):
            content, bundle = Path(name) / "content", Path(name) / "bundle.raucb"
            _lay_out(release, content)
            signed = [f"--cert={certificate}", f"--key={key_path}", f"--keyring={own}"]
            _run(["rauc", "bundle", *signed, str(content), str(bundle)], descriptor)
            bundle.rename(out)
    except OSError as error:
        hint = "the folder of --out must take writes, and have room"
        raise AnprError(f"{error.filename}: {reason(error)}", hint=hint) from error
    return read_pem(certificate)


def _lay_out(release: Release, content: Path) -> None:
    """The images and the manifest in a folder of their own: rauc rewrites the manifest there."""
    content.mkdir()
    for kind, path in release.images.items():
        target = content / f"{kind}.img"
        try:
            os.link(path.resolve(), target)
        except OSError:  # another file system, or one without links
            shutil.copyfile(path, target)
    (content / "manifest.raucm").write_text(release.manifest(), encoding="ascii")


@contextmanager
def _in_memory(content: bytes) -> Iterator[tuple[int, str]]:
    """A file that is in memory alone: its descriptor, and its path for a process that inherits it."""
    descriptor = os.memfd_create("release.key")
    try:
        os.write(descriptor, content)
        yield descriptor, f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _need_programs() -> None:
    for program, package in (("mksquashfs", "squashfs-tools"), ("rauc", "rauc")):
        if not shutil.which(program):
            raise AnprError(f"{program} is not installed", hint=f"sudo apt-get install {package}")


def _run(command: list[str], *inherited: int) -> None:
    done = subprocess.run(
        command, pass_fds=inherited, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        raise AnprError(f"rauc {command[1]} failed: {last[0]}")
