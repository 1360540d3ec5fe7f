"""An image that stands for a Raspberry Pi OS Lite: its partitions, boot files, users, services and sources.

    python -m tests.image.raspios raspios.img        # of Debian's arm64 packages: 10 minutes and more

The kernel is Debian's, to be booted on an emulated machine. Source: pi-gen, stages 0 to 2 and export-image.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.imaging import card, ext4, fat, firmware
from scripts.imaging.layout import MIB
from scripts.imaging.tools import run
from scripts.imaging.tree import Tree
from tests.image.cards import EPOCH
from tests.image.raspios_packages import OWN, PICAMERA2, archive

SUITE, DISK_ID = "bookworm", "a1b2c3d4"
ROOT_UUID = "6c0f4f0e-52c2-4b7d-9f50-2f6a3a0b7c09"
ARCHIVE = "opt/archive"
BOOT_FILES = {
    "config.txt": b"dtparam=audio=on\ncamera_auto_detect=1\ndtoverlay=vc4-kms-v3d\narm_64bit=1\n",
    "cmdline.txt": f"console=serial0,115200 console=tty1 root=PARTUUID={DISK_ID}-02 rootfstype=ext4 "
    "fsck.repair=yes rootwait quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n".encode(),
    "issue.txt": b"Raspberry Pi reference\n",
    "userconf.txt": b"pi:$6$c2FsdA$hash\n",
    "ssh": b"",
    "overlays/README": b"Introduction\n",
    "overlays/imx296.dtbo": b"\xd0\x0d\xfe\xed",
}
"""As they are when somebody has asked Raspberry Pi Imager for a user and ssh, too."""
ROOT_FILES = {
    "etc/rpi-issue": "Raspberry Pi reference 2025-05-13\nGenerated using pi-gen, "
    "https://github.com/RPi-Distro/pi-gen, 0000000, stage2\n",
    "etc/fstab": f"proc /proc proc defaults 0 0\nPARTUUID={DISK_ID}-01 /boot/firmware vfat defaults 0 2\n"
    f"PARTUUID={DISK_ID}-02 / ext4 defaults,noatime 0 1\n",
    "etc/sudoers.d/010_pi-nopasswd": "pi ALL=(ALL) NOPASSWD: ALL\n",
    "etc/ssh/sshd_config.d/rename_user.conf": "Banner /usr/share/userconf-pi/sshd_banner\n",
    "etc/ssh/ssh_host_ed25519_key": "a host's key\n",
    "etc/systemd/system/getty@tty1.service.d/autologin.conf": "[Service]\nExecStart=\n"
    "ExecStart=-/sbin/agetty --autologin pi --noclear %I $TERM\n",
    "etc/apt/sources.list.d/raspi.list": f"deb [trusted=yes] file:/{ARCHIVE} ./\n",
    "etc/hostname": "raspberrypi\n",
    "var/swap": "swap\n",
}
USER = "useradd --create-home --uid 1000 --shell /bin/bash --password '$6$c2FsdA$hash' pi"
PACKAGES = (
    "systemd-sysv,systemd-timesyncd,udev,dbus,kmod,netbase,iproute2,tzdata,locales,linux-image-arm64,"
    "raspi-firmware,initramfs-tools,zstd,cron,logrotate,parted,ssh,sudo,psmisc,keyboard-configuration,"
    "build-essential,manpages-dev,avahi-daemon,lua5.1,luajit,ca-certificates,fake-hwclock,nfs-common,"
    "dosfstools,dphys-swapfile,usb-modeswitch,rsync,polkitd,ntfs-3g,udisks2,triggerhappy,network-manager,"
    "modemmanager,dnsmasq-base,ppp,wpasupplicant,rfkill,bluez,alsa-utils,iw,whiptail,python3,"
    "firmware-brcm80211"
)
"""Of Raspberry Pi OS Lite's packages those that Debian has; neither rauc nor python3-venv is among them."""


def assemble(image: Path, boot_files: Mapping[str, bytes], root: Path, boot_bytes: int) -> None:
    """Put both partitions where pi-gen puts them, in a partition table of the old kind."""
    boot = image.with_suffix(".boot")
    fat.make(boot, boot_files, label="bootfs", serial="5a5a0001", size=boot_bytes, epoch=EPOCH)
    start = 8 * MIB
    lines = [f"label: dos\nlabel-id: 0x{DISK_ID}", f"start={start // 512}, size={boot_bytes // 512}, type=c"]
    lines.append(f"start={(start + boot_bytes) // 512}, size={root.stat().st_size // 512}, type=83")
    with image.open("wb") as file:
        file.truncate(start + boot_bytes + root.stat().st_size)
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", image], stdin="\n".join(lines) + "\n")
    with image.open("r+b") as file:
        for source, place in ((boot, start), (root, start + boot_bytes)):
            card.copy(source, file.fileno(), place, holes=True)
    boot.unlink()


def root_fs(tar: Path, root: Path, size: int, *, journal: bool) -> None:
    """Make `root` the ext4 of such an image, of what the tar file holds."""
    log = root.with_suffix(".log")
    ext4.from_tar(
        *(tar, root),
        label="rootfs",
        uuid=ROOT_UUID,
        size=size,
        epoch=EPOCH,
        scratch=root.parent,
        log=log,
        journal=journal,
        without=(f"./{firmware.LOADER}",),
    )


def make(image: Path, suite: str = SUITE) -> None:
    """Make the whole of it of Debian's arm64 packages, which are fetched, and configured under emulation."""
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=".raspios-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)
        tar, root = scratch / "root.tar", scratch / "root.ext4"
        _bootstrap(scratch, tar, suite, image.with_suffix(".log"))
        with Tree(tar) as tree:
            files = {**firmware.from_tree(tree), **BOOT_FILES}
            root_fs(tar, root, ext4.size_for(tree.content_bytes()), journal=True)
        assemble(image, files, root, 512 * MIB)


def _bootstrap(scratch: Path, tar: Path, suite: str, log: Path) -> None:
    laid = scratch / "laid"
    (laid / ARCHIVE).mkdir(parents=True)
    archive(laid / ARCHIVE, [*OWN, PICAMERA2])
    for name, text in ROOT_FILES.items():
        (laid / name).parent.mkdir(parents=True, exist_ok=True)
        (laid / name).write_text(text)
    debs = " ".join(f"/{ARCHIVE}/{package.name}.deb" for package in OWN)
    units = " ".join(name for package in OWN for name in package.enabled)
    (scratch / "conf").write_text("MODULES=list\n")
    (scratch / "modules").write_text("ext4\nvirtio_pci\nvirtio_blk\n")
    before = (
        'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"',
        f'cp {scratch}/conf "$1/etc/initramfs-tools/conf.d/raspios"',
        f'cp {scratch}/modules "$1/usr/share/initramfs-tools/modules.d/raspios"',
    )
    commands = (
        f'tar -C {laid} --owner=0 --group=0 -c . | tar -C "$1" -x',
        f'chroot "$1" dpkg --install {debs}',
        f'chroot "$1" systemctl enable {units} ssh',
        f'chroot "$1" {USER}',
    )
    run(
        [
            *("mmdebstrap", "--architectures=arm64", "--variant=important"),
            "--components=main,non-free-firmware",
            f"--include={PACKAGES}",
            *(f"--essential-hook={command}" for command in before),
            *(f"--customize-hook={command}" for command in commands),
            *(suite, tar),
        ],
        env={"SOURCE_DATE_EPOCH": str(EPOCH), "TMPDIR": str(scratch)},
        log=log,
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
