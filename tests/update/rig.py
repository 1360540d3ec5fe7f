"""Real RAUC on file-backed slots: bundles signed by keys made here, a D-Bus and a RAUC service of our own.
What the unit itself does is `unit_side`, in a mount namespace and a D-Bus session that end with it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.unit.update.samples import Board

COMPATIBLE = "anpr-edge-test"
EMAIL_PROTECTION, CODE_SIGNING = ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CODE_SIGNING
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SLOT_BYTES = 2 << 20
IMAGE_BYTES = 1 << 20
CHECKOUT = Path(__file__).parents[2]
PROGRAMS = (
    ("rauc", "rauc"),
    ("dbus-run-session", "dbus-daemon"),
    ("dbus-send", "dbus-bin"),
    ("mksquashfs", "squashfs-tools"),
    ("losetup", "mount"),
)
ISOLATED = ("unshare", "--mount", "--propagation", "private", "dbus-run-session", "--")

SYSTEM_CONF = """[system]
compatible={compatible}
bootloader=custom
activate-installed=false
statusfile={folder}/data/rauc.status
mountprefix={folder}/mnt
bundle-formats=plain verity

[handlers]
bootloader-custom-backend={folder}/backend

[keyring]
path={folder}/release.crt
allow-partial-chain=true
check-purpose=codesign

[slot.rootfs.0]
device={folder}/slots/A
type=raw
bootname=A

[slot.rootfs.1]
device={folder}/slots/B
type=raw
bootname=B
"""

LAYOUT = """boot_dir = "{folder}/select"
state_dir = "{folder}/data/update"
rauc_config = "{folder}/system.conf"
release_file = "{folder}/release"
bootloader_dir = "{folder}/bootloader"
reboot = ["{folder}/reboot"]
"""

BACKEND = """#!/bin/sh
exec {python} -m anpr_edge.cli.update_backend --layout {folder}/slots.toml "$@"
"""


def missing() -> str:
    """Why RAUC cannot be run here; nothing when it can."""
    for program, package in PROGRAMS:
        if not shutil.which(program):
            return f"{program} is missing: apt-get install {package}"
    if os.geteuid():
        return "RAUC mounts a bundle to install it: this takes root"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no mount namespace can be made here"


@dataclass(frozen=True)
class Signer:
    """A key and its certificate in a folder, as files `<name>.key` and `<name>.crt`."""

    folder: Path
    name: str

    @property
    def key_file(self) -> Path:
        return self.folder / f"{self.name}.key"

    @property
    def cert_file(self) -> Path:
        return self.folder / f"{self.name}.crt"

    @classmethod
    def make(
        cls, folder: Path, name: str, *usages: x509.ObjectIdentifier, by: Signer | None = None
    ) -> Signer:
        """A new one, issued `by` an authority for these usages; without one it is an authority."""
        made, key = cls(folder, name), ec.generate_private_key(ec.SECP256R1())
        subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by._certificate.subject if by else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        certificate = builder.sign(by._key if by else key, hashes.SHA256())
        made.cert_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        made.key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made

    @property
    def _certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.cert_file.read_bytes())

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        key = load_pem_private_key(self.key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key


def release_signer(folder: Path, authority: Signer, name: str = "release") -> Signer:
    """A release key of a fleet."""
    return Signer.make(folder, name, EMAIL_PROTECTION, CODE_SIGNING, by=authority)


@dataclass
class Unit:
    """A unit with real slots: A holds the system it came with."""

    folder: Path
    board: Board = field(init=False)
    authority: Signer = field(init=False)
    signer: Signer = field(init=False)
    old: str = field(init=False)

    def __post_init__(self) -> None:
        self.board = Board(self.folder)
        self.authority = Signer.make(self.folder, "authority")
        self.signer = release_signer(self.folder, self.authority)
        content = Random(1).randbytes(IMAGE_BYTES)
        self.old = hashlib.sha256(content).hexdigest()
        for slot, held in (("A", content), ("B", b"")):
            with (self.folder / "slots" / slot).open("wb") as file:
                file.write(held)
                file.truncate(SLOT_BYTES)
        places = {"folder": self.folder, "compatible": COMPATIBLE, "python": sys.executable}
        for name, text in (("system.conf", SYSTEM_CONF), ("slots.toml", LAYOUT), ("backend", BACKEND)):
            (self.folder / name).write_text(text.format_map(places))
        (self.folder / "backend").chmod(0o755)
        (self.folder / "mnt").mkdir()

    @classmethod
    def found(cls, folder: Path) -> Unit:
        """The one that lies in `folder` already, as it came."""
        unit = cls.__new__(cls)
        unit.folder, unit.board = folder, Board.found(folder)
        unit.authority, unit.signer = Signer(folder, "authority"), Signer(folder, "release")
        unit.old = unit.held("A")
        return unit

    def reset(self) -> None:
        """As it came: A in force, B empty, nothing known of an update."""
        shutil.rmtree(self.board.layout.state_dir)
        self.board.flag.unlink(missing_ok=True)
        self.board.__post_init__()
        with (self.folder / "slots" / "B").open("r+b") as file:
            file.write(bytes(SLOT_BYTES))

    def as_shipped(self) -> None:
        """The configuration that units have, on files: each slot a root file system and its boot files."""
        text = (CHECKOUT / "systemd" / "rauc-system.conf").read_text()
        for shipped, ours in (
            ("/dev/disk/by-partlabel/root_a", f"{self.folder}/slots/A"),
            ("/dev/disk/by-partlabel/root_b", f"{self.folder}/slots/B"),
            ("/dev/disk/by-partlabel", f"{self.folder}/slots"),
            ("/var/lib/anpr-edge/update", f"{self.folder}/data/update"),
            ("/usr/lib/anpr-edge/rauc-backend", f"{self.folder}/backend"),
            ("/etc/rauc/keyring.pem", f"{self.folder}/release.crt"),
            ("/run/rauc", f"{self.folder}/mnt"),
            ("bundle-formats=verity", "bundle-formats=plain"),
        ):
            assert shipped in text
            text = text.replace(shipped, ours)
        (self.folder / "system.conf").write_text(text)
        for slot in ("a", "b"):
            with (self.folder / "slots" / f"firmware_{slot}").open("wb") as file:
                file.truncate(SLOT_BYTES)

    def bundle(
        self,
        version: str,
        *,
        signer: Signer | None = None,
        compatible: str = COMPATIBLE,
        build: str = "readable-by=1",
        size: int = IMAGE_BYTES,
        firmware: bytes = b"",
    ) -> tuple[Path, str]:
        """A signed bundle of random content, and that content's hash; with boot files when there are any."""
        by, source = signer or self.signer, self.folder / f"source-{time.monotonic_ns()}"
        source.mkdir()
        content = Random(version).randbytes(size)
        (source / "rootfs.img").write_bytes(content)
        (source / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible}\nversion={version}\nbuild={build}\n\n"
            "[bundle]\nformat=plain\n\n[image.rootfs]\nfilename=rootfs.img\n"
        )
        if firmware:
            (source / "firmware.img").write_bytes(firmware)
            with (source / "manifest.raucm").open("a") as file:
                file.write("\n[image.firmware]\nfilename=firmware.img\n")
        path = self.folder / f"{source.name}.raucb"
        how = [f"--cert={by.cert_file}", f"--key={by.key_file}"]
        run("rauc", *how, "bundle", source, path)
        shutil.rmtree(source)
        return path, hashlib.sha256(content).hexdigest()

    def start(self, bundle: Path, *what: str) -> subprocess.Popen[str]:
        """Begin an update in a process group of its own."""
        command = [
            *ISOLATED,
            sys.executable,
            "-m",
            "tests.update.unit_side",
            str(self.folder),
            str(bundle),
            *what,
        ]
        return subprocess.Popen(
            command,
            cwd=CHECKOUT,
            start_new_session=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def update(self, bundle: Path, *what: str) -> tuple[int, str]:
        """A whole update: its exit code, and what it said."""
        running = self.start(bundle, *what)
        out, err = running.communicate(timeout=60)
        return running.returncode, out + err

    def held(self, slot: str) -> str:
        """The hash of the system in a slot."""
        return hashlib.sha256((self.folder / "slots" / slot).read_bytes()[:IMAGE_BYTES]).hexdigest()


def run(*command: str | Path) -> None:
    """Run a program that has to succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def kill_group(running: subprocess.Popen[str]) -> None:
    """End a process and all that belongs to it, as a power cut does."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=60)
