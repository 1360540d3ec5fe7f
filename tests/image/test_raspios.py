"""From a Raspberry Pi OS to a unit's system: its packages, users and services, taken out by apt and dpkg."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.imaging import audit, base
from scripts.imaging.customise import HERE
from scripts.imaging.tools import run
from scripts.imaging.tree import Tree
from tests.image.bare import bare, inside, needs_bare, packed
from tests.image.raspios import ARCHIVE, ROOT_FILES, USER
from tests.image.raspios_packages import OWN, PICAMERA2, Package, archive, unit

pytestmark = needs_bare
DEBIANS = (
    Package("openssh-server", "", {"usr/sbin/sshd": "", **unit("ssh.service")}, ("ssh.service",)),
    Package("ssh", "openssh-server"),
    Package(
        "avahi-daemon",
        "",
        {
            "usr/sbin/avahi-daemon": "",
            **unit("avahi-daemon.socket", "[Socket]\nListenDatagram=5353\n"),
        },
        ("avahi-daemon.socket",),
    ),
    Package(
        "rpcbind",
        "",
        {"usr/sbin/rpcbind": "", **unit("rpcbind.socket", "[Socket]\nListenStream=111\n")},
        ("rpcbind.socket",),
    ),
    Package("nfs-common", "rpcbind", unit("nfs-client.target", ""), ("nfs-client.target",)),
    Package(
        "dphys-swapfile",
        "",
        {"usr/sbin/dphys-swapfile": "", **unit("dphys-swapfile.service")},
        ("dphys-swapfile.service",),
    ),
    Package("bluez", "", unit("bluetooth.service"), ("bluetooth.service",)),
    Package("network-manager", "", unit("NetworkManager.service"), ("NetworkManager.service",)),
    Package("build-essential", "only-for-compilers"),
    Package("only-for-compilers", "", {"usr/lib/only-for-compilers": "x"}),
    Package("luajit", "", {"usr/bin/luajit-of-test": ""}),
    Package("linux-image-rpi-v8", "raspi-firmware"),
    Package("raspi-firmware"),
    Package("linux-headers-6.12.47+rpt-rpi-v8"),
)
UNIT_HAS = [Package(name) for name in base.packages("bookworm") if name != PICAMERA2.name]
WIZARD = Package("raspi-config", "luajit", OWN[1].files)
SYSTEM = [*(package for package in OWN if package.name != WIZARD.name), WIZARD, *DEBIANS, *UNIT_HAS]
LEFT = {
    "raspberrypi-sys-mods",
    "raspi-config",
    "luajit",
    "rpi-eeprom",
    "linux-image-rpi-v8",
    "raspi-firmware",
}


@pytest.fixture(scope="module")
def before_and_after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, str, set[str]]]:
    """The system as it comes and as it is left, what the scripts said, and which packages are left."""
    folder = tmp_path_factory.mktemp("raspios")
    (folder / "mounted").mkdir()
    with bare(folder / "mounted", ROOT_FILES) as root:
        (root / ARCHIVE).mkdir()
        archive(root / ARCHIVE, [*SYSTEM, PICAMERA2])
        inside(root, "sh", "-c", f"dpkg --install {' '.join(f'/{ARCHIVE}/{one.name}.deb' for one in SYSTEM)}")
        inside(root, "apt-mark", "auto", "only-for-compilers")
        inside(root, "systemctl", "enable", *(name for one in SYSTEM for name in one.enabled))
        inside(root, "sh", "-c", USER)
        (root / "root/.ssh/authorized_keys").write_text("ssh-ed25519 AAAA me\n")
        run(["rm", "-r", root / "var/log/apt"])
        before = packed(root, folder / "before.tar")
        said = ""
        for script, words in (("raspios.sh", base.packages("bookworm")), ("doors.sh", ())):
            (root / "opt" / script).write_bytes((HERE / script).read_bytes())
            said += inside(root, "sh", f"/opt/{script}", *words)
        left = inside(root, "dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n").splitlines()
        after = packed(root, folder / "after.tar")
        yield before, after, said, {line.split()[1] for line in left if line.startswith("installed ")}


def broken(tar: Path) -> dict[str, tuple[str, ...]]:
    with Tree(tar) as tree:
        return {found.code: found.broken_by for found in audit.audit(tree) if not found.kept}


BROKEN_BY = {
    "no-password": {"pi"},
    "no-server": {"/usr/sbin/sshd", "/usr/sbin/avahi-daemon", "/usr/sbin/rpcbind"},
    "no-login-key": {"/root/.ssh/authorized_keys", "/etc/ssh/ssh_host_ed25519_key"},
    "no-listening-socket": {"avahi-daemon.socket on 5353", "rpcbind.socket on 111"},
    "no-swap": {"/var/swap", "/usr/sbin/dphys-swapfile"},
    "no-wizard": {"userconfig.service", "sshswitch.service", "regenerate_ssh_host_keys.service"},
}


def test_every_promise_that_it_breaks_as_it_comes_is_kept_at_the_end(
    before_and_after: tuple[Path, Path, str, set[str]],
) -> None:
    before, after, _, _ = before_and_after
    found, left = broken(before), broken(after)
    for code, by in BROKEN_BY.items():
        assert by <= set(found[code]), code
        assert code not in left, left[code]


def test_packages_go_with_what_came_along_and_what_a_kept_one_needs_stays(
    before_and_after: tuple[Path, Path, str, set[str]],
) -> None:
    """raspi-config needs luajit here, and raspberrypi-sys-mods, which the camera needs, raspi-config."""
    _, _, said, left = before_and_after
    assert left == LEFT | {*base.packages("bookworm")}
    assert "stays, for it is needed: luajit" in said
    assert "packages that come: python3-picamera2" in said


def test_nobody_is_left_and_nothing_starts_a_shell(
    before_and_after: tuple[Path, Path, str, set[str]],
) -> None:
    with Tree(before_and_after[1]) as tree:
        assert "pi:" not in tree.text("etc/passwd")
        assert not [path for path in tree.entries if path.startswith("home/")]
        assert not list(tree.under("etc/sudoers.d"))
        assert not [path for path in tree.entries if "autologin" in path]
        assert tree.target("etc/systemd/system/rpi-eeprom-update.service") == "/dev/null"
