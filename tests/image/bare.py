"""A throw-away root file system: this machine's programs, its own configuration and packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from scripts.imaging.tools import run

LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
FOLDERS = (
    *(
        "dev",
        "proc",
        "sys",
        "run",
        "tmp",
        "root/.ssh",
        "home",
        "opt",
        "etc/apt/sources.list.d",
        "etc/systemd/system",
    ),
    *("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/apt/lists/partial"),
    *("var/cache/apt/archives/partial", "var/log/apt", "var/lib/systemd"),
)
ETC = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nman:x:6:12:man:/var/cache/man:/usr/sbin/nologin\n"
    "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n",
    "etc/shadow": "root:*:20000:0:99999:7:::\nman:*:20000:0:99999:7:::\n_apt:*:20000:0:99999:7:::\n",
    "etc/group": "root:x:0:\nman:x:12:\nnogroup:x:65534:\n",
    "etc/gshadow": "root:*::\nman:*::\nnogroup:*::\n",
    "var/lib/dpkg/status": "",
    "var/lib/dpkg/available": "",
    "etc/apt/apt.conf": 'APT::Sandbox::User "root";\n',
}
MOUNTS_HERE = (
    os.geteuid() == 0 and shutil.which("apt-get") and shutil.which("userdel") and Path("/usr/bin/sh").exists()
)
needs_bare = pytest.mark.skipif(not MOUNTS_HERE, reason="root, on a Debian whose programs are all in /usr")


@contextmanager
def bare(folder: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """A root file system with these files in it; what is done in there leaves this machine as it was."""
    with ExitStack() as mounts:
        _mount(mounts, folder, "-t", "tmpfs", "-o", "size=200m", "tmpfs")
        root, upper, work = folder / "root", folder / "upper", folder / "work"
        for path in (upper, work, root / "usr", *(root / name for name in FOLDERS)):
            path.mkdir(parents=True)
        for name, target in LINKS.items():
            (root / name).symlink_to(target)
        for name, content in {**ETC, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        (root / "var/swap").touch()
        options = f"lowerdir=/usr,upperdir={upper},workdir={work}"
        _mount(mounts, root / "usr", "-t", "overlay", "-o", options, "overlay")
        _mount(mounts, root / "dev", "--bind", "/dev")
        _mount(mounts, root / "proc", "-t", "proc", "proc")
        yield root


def inside(root: Path, *command: str) -> str:
    """Run a program in there; what it printed.

    Raises: ImageError when it fails.
    """
    return run(["chroot", root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", *command])


def packed(root: Path, tar: Path) -> Path:
    """What is in there beyond this machine's own programs, as a tar file."""
    upper = root.parent / "upper"
    with tarfile.open(tar, "w") as out:
        for name in ("etc", "var", "opt", "home", "root"):
            out.add(root / name, f"./{name}")
        for path in sorted(upper.rglob("*")):
            if path.is_symlink() or path.is_file():
                out.add(path, f"./usr/{path.relative_to(upper)}", recursive=False)
    return tar


def _mount(mounts: ExitStack, place: Path, *arguments: str) -> None:
    done = subprocess.run(["mount", *arguments, str(place)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    mounts.callback(subprocess.run, ["umount", str(place)], check=True)
