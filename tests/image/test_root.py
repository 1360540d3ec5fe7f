"""What an image promises of its root file system, each promise broken once."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from anpr_edge.errors import ImageError
from scripts.imaging import audit
from scripts.imaging.customise import HERE, SCRIPTS, STAGE, UNITS, Anchors, overlay
from scripts.imaging.tools import run
from scripts.imaging.tree import Tree
from tests.image.cards import EPOCH

SYSTEMD = Path(audit.__file__).parents[2] / "systemd"
SHADOW = "root:!*:20000:0:99999:7:::\nanpr-reader:!*:20000::::::\n"
PYC = b"\xa7\r\r\n" + (1).to_bytes(4, "little") + bytes(8)
GOOD: dict[str, bytes | str] = {
    "etc/shadow": SHADOW,
    "etc/passwd": "root:x:0:0::/root:/bin/bash\nanpr-reader:x:999:999::/:/usr/sbin/nologin\n",
    "etc/machine-id": "",
    "opt/anpr-edge/venv/bin/anpr-edge": "#!",
    "opt/anpr-edge/venv/lib/x.pyc": PYC,
    "usr/lib/systemd/system/systemd-journald.socket": "[Socket]\nListenStream=/run/systemd/journal/stdout\n",
}
ENABLED = [unit.name for unit in SYSTEMD.glob("anpr-edge-*") if "\nWantedBy=" in unit.read_text()]
LINKS = {
    **{f"{UNITS}/multi-user.target.wants/{name}": f"/{UNITS}/{name}" for name in ENABLED},
    f"{UNITS}/multi-user.target.wants/anpr-edge.target": f"/{UNITS}/anpr-edge.target",
    f"{UNITS}/anpr-edge.target.wants/anpr-edge-reader.service": f"/{UNITS}/anpr-edge-reader.service",
    f"{UNITS}/anpr-edge.target.wants/anpr-edge-uplink.service": f"/{UNITS}/anpr-edge-uplink.service",
    f"{UNITS}/multi-user.target.wants/anpr-edge-hostname.service": f"/{UNITS}/anpr-edge-hostname.service",
    "usr/lib/systemd/system/sockets.target.wants/systemd-journald.socket": "../systemd-journald.socket",
    f"{UNITS}/getty@.service": "/dev/null",
    "usr/lib/systemd/system/getty.target.wants/getty@tty1.service": "../getty@.service",
}


def rootfs(tmp_path: Path, files: dict[str, bytes | str], links: dict[str, str]) -> Tree:
    """A small root file system with our own files over it."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    laid = overlay(EPOCH, Anchors(), wheels)
    for script in SCRIPTS:
        laid.files.pop(f"{STAGE}/{script}")
    tar = tmp_path / "root.tar"
    laid.write(tar)
    with tarfile.open(tar, "a", format=tarfile.PAX_FORMAT) as out:
        for name, content in {**GOOD, **files}.items():
            entry = tarfile.TarInfo(f"./{name}")
            data = content.encode() if isinstance(content, str) else content
            entry.size = len(data)
            out.addfile(entry, io.BytesIO(data))
        for name, target in {**LINKS, **links}.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            out.addfile(entry)
    return Tree(tar)


def broken(tree: Tree) -> dict[str, tuple[str, ...]]:
    return {finding.code: finding.broken_by for finding in audit.audit(tree) if not finding.kept}


def test_a_root_file_system_as_it_should_be_keeps_every_promise(tmp_path: Path) -> None:
    with rootfs(tmp_path, {}, {}) as tree:
        assert broken(tree) == {}
        assert len(audit.demand(tree)) == len(audit.CHECKS)


KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAA\n"
FAULTS: list[tuple[str, dict[str, bytes | str], dict[str, str], str]] = [
    ("no-password", {"etc/shadow": SHADOW + "pi:$y$j9T$x:1::::::\n"}, {}, "pi"),
    ("no-password", {"etc/shadow": SHADOW + "guest::1::::::\n"}, {}, "guest"),
    ("no-password", {"etc/passwd": "root::0:0::/root:/bin/bash\n"}, {}, "root"),
    ("no-server", {"usr/sbin/sshd": "ELF"}, {}, "/usr/sbin/sshd"),
    ("no-server", {"usr/sbin/avahi-daemon": "ELF"}, {}, "/usr/sbin/avahi-daemon"),
    ("no-login-key", {"root/.ssh/authorized_keys": "ssh-ed25519 A"}, {}, "/root/.ssh/authorized_keys"),
    ("no-login-key", {"etc/ssh/ssh_host_ed25519_key": "x"}, {}, "/etc/ssh/ssh_host_ed25519_key"),
    (
        "no-listening-socket",
        {"usr/lib/systemd/system/x.socket": "[Socket]\nListenStream=22\n"},
        {f"{UNITS}/sockets.target.wants/x.socket": "/usr/lib/systemd/system/x.socket"},
        "x.socket on 22",
    ),
    (
        "no-listening-socket",
        {"usr/lib/systemd/system/x.socket": "[Socket]\nListenDatagram = [::]:69\n"},
        {"usr/lib/systemd/system/sockets.target.wants/x.socket": "../x.socket"},
        "x.socket on [::]:69",
    ),
    (
        "no-answering-resolver",
        {"etc/systemd/resolved.conf.d/anpr-edge.conf": "[Resolve]\nLLMNR=no\nMulticastDNS=no\n"},
        {f"{UNITS}/multi-user.target.wants/systemd-resolved.service": "/usr/lib/systemd/system/x"},
        "DNSStubListener=no",
    ),
    (
        "no-login",
        {},
        {f"{UNITS}/getty.target.wants/serial-getty@ttyAMA0.service": "/usr/lib/systemd/system/x"},
        "serial-getty@ttyAMA0.service",
    ),
    (
        "no-secret",
        {"usr/share/anpr-edge/trust/release.crt": KEY},
        {},
        "/usr/share/anpr-edge/trust/release.crt",
    ),
    ("no-identity", {"etc/machine-id": "0123456789abcdef0123456789abcdef\n"}, {}, "/etc/machine-id"),
    ("no-identity", {"var/log/apt/term.log": "x"}, {}, "/var/log/apt/term.log"),
    ("no-identity", {"etc/anpr-edge/unit.toml": "x"}, {}, "/etc/anpr-edge/unit.toml"),
    (
        "services-enabled",
        {f"{UNITS}/anpr-edge-more.service": "[Install]\nWantedBy=anpr-edge.target\n"},
        {},
        "anpr-edge-more.service",
    ),
    (
        "program-compiled",
        {"opt/anpr-edge/venv/lib/x.pyc": PYC[:4] + bytes(12)},
        {},
        "/opt/anpr-edge/venv/lib/x.pyc",
    ),
    ("no-swap", {"var/swap": "x"}, {}, "/var/swap"),
    ("no-swap", {"usr/sbin/dphys-swapfile": "x"}, {}, "/usr/sbin/dphys-swapfile"),
    ("no-swap", {"etc/fstab": "/dev/x none swap sw 0 0\n"}, {}, "/dev/x none swap sw 0 0"),
    (
        "no-wizard",
        {},
        {f"{UNITS}/multi-user.target.wants/userconfig.service": "/usr/lib/systemd/system/x"},
        "userconfig.service",
    ),
    ("writable-places", {"etc/fstab": "PARTLABEL=root_a / ext4 ro 0 1\n"}, {}, "no /data in /etc/fstab"),
]


@pytest.mark.parametrize(
    ("code", "files", "links", "by"), FAULTS, ids=[f"{fault[0]}-{fault[3]}" for fault in FAULTS]
)
def test_each_promise_is_seen_broken(
    tmp_path: Path, code: str, files: dict[str, bytes | str], links: dict[str, str], by: str
) -> None:
    with rootfs(tmp_path, files, links) as tree:
        assert by in broken(tree)[code]
        with pytest.raises(ImageError, match=code):
            audit.demand(tree)


def test_a_masked_unit_does_not_count(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {"usr/lib/systemd/system/x.socket": "[Socket]\nListenStream=22\n"}
    links = {
        "usr/lib/systemd/system/sockets.target.wants/x.socket": "../x.socket",
        f"{UNITS}/x.socket": "/dev/null",
    }
    with rootfs(tmp_path, files, links) as tree:
        assert broken(tree) == {}


def test_the_hash_of_a_tree_sees_content_owner_mode_and_time_but_no_order(tmp_path: Path) -> None:
    def tree(name: str, entries: list[tuple[str, bytes, int, int, int]]) -> str:
        path = tmp_path / name
        with tarfile.open(path, "w") as out:
            for file, content, mode, uid, mtime in entries:
                entry = tarfile.TarInfo(file)
                entry.size, entry.mode, entry.uid, entry.mtime = len(content), mode, uid, mtime
                out.addfile(entry, io.BytesIO(content))
        with Tree(path) as opened:
            return opened.sha256()

    one, two = ("./a", b"1", 0o644, 0, 5), ("./b", b"2", 0o644, 0, 5)
    whole = tree("whole", [one, two])
    assert tree("turned", [two, one]) == whole
    for changed in (("./a", b"x", 0o644, 0, 5), ("./a", b"1", 0o755, 0, 5), ("./a", b"1", 0o644, 1, 5)):
        assert tree("changed", [changed, two]) != whole
    assert tree("later", [("./a", b"1", 0o644, 0, 6), two]) != whole


def test_anchors_lie_in_the_root_and_are_put_in_place_at_every_boot(tmp_path: Path) -> None:
    provision = tmp_path / "some-name.pub"
    provision.write_text("ed25519:AAAA\n")
    laid = overlay(EPOCH, Anchors(provision=provision), _empty(tmp_path))
    assert laid.files["usr/share/anpr-edge/trust/provision.pub"] == (0o644, b"ed25519:AAAA\n")
    lines = laid.files["usr/lib/tmpfiles.d/anpr-edge-trust.conf"][1].decode().splitlines()
    assert "L+ /etc/anpr-edge/provision.pub - - - - /usr/share/anpr-edge/trust/provision.pub" in lines
    assert not any("release" in line for line in lines)


def test_a_private_key_is_no_anchor(tmp_path: Path) -> None:
    key = tmp_path / "provision.pem"
    key.write_text(KEY)
    with pytest.raises(ImageError, match="is a private key"):
        overlay(EPOCH, Anchors(provision=key), _empty(tmp_path))


def test_the_same_overlay_gives_the_same_tar(tmp_path: Path) -> None:
    for name in ("first", "second"):
        overlay(EPOCH, Anchors(), _empty(tmp_path)).write(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_what_the_services_may_write_is_on_the_data_partition_and_cannot_be_moved_by_them() -> None:
    """The folder that both services write is not the parent of the configuration that binds them."""
    lines = [line.split() for line in (HERE / "rootfs/etc/fstab").read_text().splitlines() if line[0] != "#"]
    sources = {fields[1]: fields[0] for fields in lines}
    assert sources["/var/lib/anpr-edge"] == "/data/state"
    assert sources["/etc/anpr-edge"] == "/data/etc"
    assert {"nosuid", "nodev", "noexec"} <= set(lines[0][3].split(","))


def _empty(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("line", "slot"), [("ro root=PARTLABEL=root_b quiet", "b"), ("root=PARTLABEL=root_a", "a")]
)
def test_the_boot_files_of_the_slot_that_runs_are_mounted(tmp_path: Path, line: str, slot: str) -> None:
    script = (HERE / "rootfs/usr/lib/systemd/system-generators/anpr-edge-slot").read_text()
    (tmp_path / "cmdline").write_text(f"{line}\n")
    run(["sh", "-c", script.replace("/proc/cmdline", str(tmp_path / "cmdline")), "generator", tmp_path])
    unit = (tmp_path / "boot-firmware.mount").read_text()
    assert f"What=/dev/disk/by-partlabel/firmware_{slot}\n" in unit
    assert f"systemd-fsck@dev-disk-by\\x2dpartlabel-firmware_{slot}.service" in unit
    assert (
        tmp_path / "local-fs.target.wants/boot-firmware.mount"
    ).resolve() == tmp_path / "boot-firmware.mount"
