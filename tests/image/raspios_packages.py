"""Packages that stand for those of the Raspberry Pi's own archive, and a folder that apt takes them from."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.imaging.tools import run

WANTED = "[Install]\nWantedBy=multi-user.target\n"
ONCE = "[Service]\nType=oneshot\nExecStart=/bin/true\n"


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package by its name: what it needs, its files by path, and which of its units are enabled."""

    name: str
    depends: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    enabled: tuple[str, ...] = ()

    def build(self, folder: Path) -> Path:
        """The package as a `.deb` file in `folder`."""
        tree = folder / f"{self.name}.tree"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(self.control())
        for name, content in self.files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            path.chmod(0o755 if "bin/" in name or content.startswith("#!") else 0o644)
        deb = folder / f"{self.name}.deb"
        run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb])
        shutil.rmtree(tree)
        return deb

    def control(self) -> str:
        """What dpkg and apt know of it."""
        depends = f"Depends: {self.depends}\n" if self.depends else ""
        return (
            f"Package: {self.name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <root@localhost>\n"
            f"{depends}Description: stands for the package of this name\n"
        )


def unit(name: str, text: str = ONCE) -> dict[str, str]:
    """A unit file that starts with the system once it is enabled."""
    wanted = WANTED.replace("multi-user", "sockets") if name.endswith(".socket") else WANTED
    return {f"usr/lib/systemd/system/{name}": f"[Unit]\nDescription={name}\n{text}{wanted}"}


def archive(folder: Path, packages: Iterable[Package]) -> None:
    """Make `folder` one that apt can install them from. Source: sources.list(5), flat repositories."""
    lines = []
    for package in packages:
        content = package.build(folder).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        place = f"Filename: ./{package.name}.deb\nSize: {len(content)}\nSHA256: {digest}\n"
        lines.append(package.control() + place)
    (folder / "Packages").write_text("\n".join(lines))


SYS_MODS = Package(
    "raspberrypi-sys-mods",
    "raspi-config",
    {
        "usr/lib/raspberrypi-sys-mods/firstboot": "#!/bin/bash\nreboot -f\n",
        "usr/lib/udev/rules.d/60-dma-heap.rules": 'SUBSYSTEM=="dma_heap", GROUP="video", MODE="0660"\n',
        **unit("sshswitch.service"),
        **unit("regenerate_ssh_host_keys.service", ONCE.replace("true", "false")),
    },
    ("sshswitch.service", "regenerate_ssh_host_keys.service"),
)
OWN = (
    SYS_MODS,
    Package(
        "raspi-config", "", {"usr/bin/raspi-config": "#!/bin/sh\n", "etc/init.d/raspi-config": "#!/bin/sh\n"}
    ),
    Package(
        "userconf-pi",
        "",
        {"usr/lib/userconf-pi/userconf": "#!/bin/sh\n", **unit("userconfig.service")},
        ("userconfig.service",),
    ),
    Package("raspberrypi-net-mods", "", {"etc/wpa_supplicant/wpa_supplicant.conf": "country=GB\n"}),
    Package("pi-bluetooth", "", unit("hciuart.service"), ("hciuart.service",)),
    Package("rpi-eeprom", "", unit("rpi-eeprom-update.service"), ("rpi-eeprom-update.service",)),
)
"""What Raspberry Pi OS Lite has that Debian has not, as far as a unit could be harmed by it."""
PICAMERA2 = Package("python3-picamera2", "", {"usr/lib/python3/dist-packages/picamera2/__init__.py": ""})
"""Only in the archive: it is installed when a unit is made."""
