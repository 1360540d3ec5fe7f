"""What an image promises of its root file system, looked up in the files themselves.

No password, no way in from the network, nothing that listens, no secret, and nothing left of the build.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from anpr_edge.errors import ImageError
from scripts.imaging.tree import Tree

UNIT_FOLDERS = ("etc/systemd/system", "usr/lib/systemd/system")
"""Where unit files lie, the first one outranking the second. Source: systemd.unit(5)."""
DOORS = {
    *(
        "sshd",
        "dropbear",
        "in.telnetd",
        "telnetd",
        "rlogind",
        "vsftpd",
        "proftpd",
        "smbd",
        "rpcbind",
        "rpc.statd",
    ),
    *(
        "avahi-daemon",
        "cupsd",
        "exim4",
        "master",
        "nginx",
        "apache2",
        "lighttpd",
        "mosquitto",
        "dnsmasq",
        "hostapd",
    ),
    *("ntpd", "bluetoothd", "wayvnc", "vncserver", "x11vnc", "vncserver-x11", "rpi-connectd"),
}
"""Programs whose purpose is to be reached over the network."""
SECRET = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\r?\n[A-Za-z0-9+/=]{20}")
SECRETS_LIE_IN = ("etc", "opt/anpr-edge/stage", "usr/share/anpr-edge", "root", "home", "var/lib", "data")
SWAPPERS = ("dphys-swapfile", "zram-generator", "rpi-swap-generator")
WIZARDS = {
    *("userconfig.service", "sshswitch.service", "regenerate_ssh_host_keys.service", "rpi-resize.service"),
    *("resize2fs_once.service", "custom-setup.service", "apply_noobs_os_config.service", "run_once.service"),
    *("cloud-init.target", "cloud-init.service", "cloud-init-main.service", "cloud-init-local.service"),
}
"""What makes a machine of an image at its first boot, other than we do."""
LOCKED = ("!", "*")
MOUNTS = (
    *("/data", "/var/lib/anpr-edge", "/etc/anpr-edge", "/var/lib/systemd", "/boot/select"),
    *("/tmp", "/var/tmp", "/var/log"),
)
UNCHECKED = 1
"""A compiled file that is believed whatever its source's time says. Source: PEP 552."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise, and what breaks it: nothing when it is kept."""

    code: str
    broken_by: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Whether nothing breaks it."""
        return not self.broken_by


def audit(tree: Tree) -> list[Finding]:
    """Every promise, checked."""
    return [Finding(code, tuple(sorted(set(check(tree))))) for code, check in CHECKS.items()]


def demand(tree: Tree) -> list[Finding]:
    """Every promise, kept.

    Raises: ImageError naming those that are not.
    """
    findings = audit(tree)
    broken = [f"{found.code} by {', '.join(found.broken_by[:5])}" for found in findings if not found.kept]
    if broken:
        raise ImageError(f"the root file system breaks its promises: {'; '.join(broken)}")
    return findings


def _passwords(tree: Tree) -> Iterator[str]:
    """Every account is locked."""
    if "etc/shadow" not in tree:
        yield "no /etc/shadow"
    for line in tree.text("etc/shadow").splitlines():
        user, password = line.split(":")[:2]
        if not password.startswith(LOCKED):
            yield user
    for line in tree.text("etc/passwd").splitlines():
        user, password = line.split(":")[:2]
        if password != "x":
            yield user


def _doors(tree: Tree) -> Iterator[str]:
    """No server's program is there at all."""
    for path in tree.entries:
        parts = PurePosixPath(path)
        if parts.name in DOORS and parts.parent.name in ("bin", "sbin", "libexec"):
            yield f"/{path}"


def _login_keys(tree: Tree) -> Iterator[str]:
    """Nobody's key opens it, and it has none to be known by."""
    for path in tree.entries:
        name = PurePosixPath(path).name
        if name == "authorized_keys" or name.startswith("ssh_host_"):
            yield f"/{path}"


def _sockets(tree: Tree) -> Iterator[str]:
    """No socket unit that starts by itself is reached over the network."""
    for name in enabled(tree):
        if not name.endswith(".socket"):
            continue
        text = unit_text(tree, name)
        for listen in re.findall(
            r"^Listen(?:Stream|Datagram|SequentialPacket)\s*=\s*(\S+)", text, re.MULTILINE
        ):
            if not listen.startswith(("/", "@", "%", "vsock")):
                yield f"{name} on {listen}"


def _resolver(tree: Tree) -> Iterator[str]:
    """The resolver asks, and answers nobody."""
    if "systemd-resolved.service" not in set(enabled(tree)):
        return
    texts = [tree.text(path) for path in tree.under("etc/systemd/resolved.conf.d")]
    said = {line.strip() for text in texts for line in text.splitlines()}
    yield from {"LLMNR=no", "MulticastDNS=no", "DNSStubListener=no"} - said


def _logins(tree: Tree) -> Iterator[str]:
    """No console asks who is there."""
    for name in enabled(tree):
        if "getty" in name and name.endswith(".service"):
            yield name


def _secrets(tree: Tree) -> Iterator[str]:
    """No private key is the same on every unit."""
    for folder in SECRETS_LIE_IN:
        for path in tree.under(folder):
            entry = tree.entries[path]
            if entry.isreg() and entry.size < 65536 and SECRET.search(tree.read(path)):
                yield f"/{path}"


def _identity(tree: Tree) -> Iterator[str]:
    """Two units with this image are two machines, and neither remembers the build."""
    if tree.read("etc/machine-id").strip():
        yield "/etc/machine-id"
    for path in ("var/lib/systemd/random-seed", "var/lib/dbus/machine-id"):
        if path in tree and tree.target(path) is None:
            yield f"/{path}"
    for folder in ("var/log", "opt/anpr-edge/stage", "var/lib/anpr-edge", "etc/anpr-edge"):
        yield from (f"/{path}" for path in tree.under(folder) if tree.entries[path].isreg())


def _swap(tree: Tree) -> Iterator[str]:
    """What is in memory, a plate among it, is written to no disk."""
    yield from (
        f"/{path}"
        for path in tree.entries
        if PurePosixPath(path).name in SWAPPERS and tree.entries[path].isreg()
    )
    yield from (f"/{path}" for path in ("var/swap", "swapfile", "swap.img") if path in tree)
    yield from (line for line in tree.text("etc/fstab").splitlines() if line.split()[2:3] == ["swap"])


def _wizards(tree: Tree) -> Iterator[str]:
    """Nothing but the workshop's bundle makes a unit of it."""
    yield from (name for name in enabled(tree) if name in WIZARDS)


def _services(tree: Tree) -> Iterator[str]:
    """Our services start by themselves, and so does what gives the unit its identity."""
    wanted = ["anpr-edge.target"]
    for path in tree.under(UNIT_FOLDERS[0]):
        name = PurePosixPath(path).name
        if path == f"{UNIT_FOLDERS[0]}/{name}" and name.startswith("anpr-edge-"):
            wanted += [name] if re.search("^WantedBy=", tree.text(path), re.MULTILINE) else []
    there = set(enabled(tree))
    yield from (name for name in wanted if name not in there)


def _program(tree: Tree) -> Iterator[str]:
    """The program is there, with compiled files that no time stamp can make useless."""
    if "opt/anpr-edge/venv/bin/anpr-edge" not in tree:
        yield "no /opt/anpr-edge/venv/bin/anpr-edge"
    for path in tree.under("opt/anpr-edge/venv"):
        if path.endswith(".pyc") and int.from_bytes(tree.read(path)[4:8], "little") != UNCHECKED:
            yield f"/{path}"


def _mounts(tree: Tree) -> Iterator[str]:
    """What has to be written has a place outside the read-only root."""
    lines = [
        line.split() for line in tree.text("etc/fstab").splitlines() if line and not line.startswith("#")
    ]
    there = {fields[1] for fields in lines if len(fields) > 3}
    yield from (f"no {place} in /etc/fstab" for place in MOUNTS if place not in there)
    if "/" in there:
        yield "/ in /etc/fstab: the slots would differ"


def enabled(tree: Tree) -> Iterator[str]:
    """The names of units that another one wants or requires and that are not masked."""
    for path in tree.entries:
        parts = PurePosixPath(path)
        if parts.parent.suffix not in (".wants", ".requires"):
            continue
        if str(parts.parent.parent) in UNIT_FOLDERS and not masked(tree, parts.name):
            yield parts.name


def masked(tree: Tree, name: str) -> bool:
    """Whether a unit, or the template it is made from, is linked to /dev/null."""
    template = re.sub(r"@[^.]*\.", "@.", name)
    return any(tree.target(f"{UNIT_FOLDERS[0]}/{name}") == "/dev/null" for name in (name, template))


def unit_text(tree: Tree, name: str) -> str:
    """A unit's file as systemd would take it."""
    return next((tree.text(f"{folder}/{name}") for folder in UNIT_FOLDERS if f"{folder}/{name}" in tree), "")


CHECKS: dict[str, Callable[[Tree], Iterator[str]]] = {
    "no-password": _passwords,
    "no-server": _doors,
    "no-login-key": _login_keys,
    "no-listening-socket": _sockets,
    "no-answering-resolver": _resolver,
    "no-login": _logins,
    "no-secret": _secrets,
    "no-identity": _identity,
    "no-swap": _swap,
    "no-wizard": _wizards,
    "services-enabled": _services,
    "program-compiled": _program,
    "writable-places": _mounts,
}
