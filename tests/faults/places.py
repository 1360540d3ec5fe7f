"""What a test needs of the machine: a network of its own, a small disk, a clock that can be set.

Each takes rights or a package that may be missing; `lacking` says so, and the rows that need it are skipped.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

CLONE_NEWNET = 0x40000000
"""Source: Linux sched.h."""

SHIFT_SOURCE = Path(__file__).with_name("clock_shift.c")

NETWORK, CARD, CLOCK, POSTGRES = "network", "card", "clock", "postgres"


@cache
def lacking(need: str) -> str:
    """Why this machine has no `network`, `card`, `clock` or `postgres` for the tests; empty when it has."""
    if need == CLOCK:
        return (
            ""
            if shutil.which("cc")
            else "no C compiler: the unit's clock cannot be shifted (apt-get install gcc)"
        )
    if need == POSTGRES:
        return _no_postgres()
    if os.geteuid() != 0:
        return "needs root: mounts or a network namespace"
    return _no_network() if need == NETWORK else _no_mount()


@contextmanager
def own_network() -> Iterator[None]:
    """This thread, and what it starts from now on, in a network namespace of its own with a loopback."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _libc("unshare", CLONE_NEWNET)
        run("ip", "link", "set", "lo", "up")
        yield
    finally:
        _libc("setns", before, CLONE_NEWNET)
        os.close(before)


@contextmanager
def small_card(directory: Path, size_megabytes: int = 32) -> Iterator[Path]:
    """A file system of its own at `directory`, in memory."""
    directory.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size_megabytes}m", "anpr-faults", str(directory))
    try:
        yield directory
    finally:
        run("umount", "-l", str(directory))


def clock_environment(directory: Path) -> dict[str, str]:
    """Makes a process's wall clock run by `directory/shift` seconds off the machine's; see clock_shift.c."""
    library = directory / "clock_shift.so"
    run("cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SHIFT_SOURCE))
    return {"LD_PRELOAD": str(library), "ANPR_CLOCK_SHIFT": str(directory / "shift")}


def run(*command: str) -> None:
    """Run one of the system's own commands; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"


def _libc(name: str, *arguments: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _no_network() -> str:
    missing = [tool for tool in ("ip", "iptables") if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not installed (apt-get install iproute2 iptables)"
    try:
        with own_network():
            run("iptables", "-w", "-A", "INPUT", *LOSE, "-j", "DROP")
    except (OSError, AssertionError) as error:
        return f"no network namespace with packet loss here: {error}"
    return ""


def _no_postgres() -> str:
    if find_spec("psycopg") is None:
        return "psycopg is not installed (extra anpr-edge[postgres])"
    if not (shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))):
        return "no PostgreSQL server here (apt-get install postgresql)"
    return ""


LOSE = ("-p", "tcp", "-m", "statistic", "--mode", "random", "--probability", "0.3")


def _no_mount() -> str:
    import tempfile

    try:
        with tempfile.TemporaryDirectory() as directory, small_card(Path(directory) / "card"):
            return ""
    except (OSError, AssertionError) as error:
        return f"no tmpfs can be mounted here: {error}"
