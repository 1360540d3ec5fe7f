"""A throw-away machine: this one's own file system with a unit installed on top, booted by a real systemd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HOME = Path("opt/anpr-edge")
PACKAGES = HOME / "packages"
"""This environment's packages, wherever the checkout lies: a service sees no /home and a /tmp of its own."""
SYSTEM_PYTHON = "/usr/bin/python3"
BOOT_WITHIN_S = 280

TARGET = """[Unit]
Requires=sysinit.target
After=sysinit.target
Wants=systemd-journald.service anpr-edge.target broker.service probe.service
AllowIsolate=yes
"""
BROKER = """[Service]
ExecStart=/usr/sbin/mosquitto -c /srv/rig/broker/mosquitto.conf
"""
PROBE = f"""[Service]
Type=oneshot
ExecStart=/{HOME}/venv/bin/python /probe.py
ExecStopPost=/bin/systemctl poweroff --force --force
StandardOutput=append:/probe.log
StandardError=inherit
"""
WATCHDOG = """[Service]
WatchdogSec=8
"""
PROVISION = """
from pathlib import Path
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import build_rig
home = Path("/srv/rig")
home.mkdir(parents=True)
build_rig(home, {"source": "synthetic", "synthetic": {"vehicles": 40}}, SystemClock())
text = (home / "unit.toml").read_text()
text = text.replace("/srv/rig/unit", "/var/lib/anpr-edge").replace("/srv/rig/run", "/run/anpr-edge")
Path("/etc/anpr-edge/unit.toml").write_text(text)
with (home / "broker/mosquitto.conf").open("a") as broker:
    broker.write("user root\\n")  # else it becomes a user who cannot read the rig's files
for file in (home / "unit" / "keys").iterdir():
    file.rename(Path("/var/lib/anpr-edge/keys") / file.name)
"""


def missing() -> str:
    """What keeps this machine from booting another, or nothing."""
    packages = Path(sysconfig.get_path("purelib"))
    reasons = {
        "root": os.geteuid() == 0,
        "systemd-nspawn": shutil.which("systemd-nspawn"),
        "mosquitto": shutil.which("mosquitto"),
        f"{SYSTEM_PYTHON} of this Python's version": _system_version() == sys.version_info[:2],
        "an environment on the root file system": packages.stat().st_dev == Path("/").stat().st_dev,
        "trained models": (ROOT / "models" / "detector.json").is_file(),
    }
    return ", ".join(what for what, there in reasons.items() if not there)


def _system_version() -> tuple[int, int] | None:
    if not Path(SYSTEM_PYTHON).exists():
        return None
    asked = [SYSTEM_PYTHON, "-c", "import sys, json; print(json.dumps(sys.version_info[:2]))"]
    major, minor = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    return major, minor


def boot(
    directory: Path, probe: Path, provision: str = PROVISION, *, data: Path | None = None
) -> dict[str, Any]:
    """Boot an installed unit, run `probe` in it and return what it wrote to /facts.json.

    `provision` is a program that is run in it before, and makes it what it is; `data` is there as /srv/data.
    """
    with _overlay(directory) as machine:
        if data is not None:
            shutil.copytree(data, machine / "srv/data")
        _install(machine, provision)
        shutil.copy(probe, machine / "probe.py")
        command = ["systemd-nspawn", "--quiet", f"--directory={machine}", "--boot", "--register=no"]
        command += ["--keep-unit", "--private-network", "--console=pipe", "--link-journal=no"]
        command += [f"--bind-ro={sysconfig.get_path('purelib')}:/{PACKAGES}"]
        subprocess.run(
            [*command, "systemd.unit=anpr-test.target"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BOOT_WITHIN_S,
            check=False,
        )
        log = machine / "probe.log"
        assert (machine / "facts.json").exists(), log.read_text() if log.exists() else "it did not boot"
        facts: dict[str, Any] = json.loads((machine / "facts.json").read_text())
        return facts


@contextmanager
def _overlay(directory: Path) -> Iterator[Path]:
    """The root file system with a layer in memory on top, which takes all changes."""
    layer = directory / "layer"
    layer.mkdir()
    with ExitStack() as mounts:
        _mount(mounts, layer, "-t", "tmpfs", "-o", "size=600m", "tmpfs")
        upper, work, machine = layer / "upper", layer / "work", layer / "machine"
        for folder in (upper, work, machine):
            folder.mkdir()
        options = f"lowerdir=/,upperdir={upper},workdir={work}"
        _mount(mounts, machine, "-t", "overlay", "-o", options, "overlay")
        yield machine


def _mount(mounts: ExitStack, place: Path, *arguments: str) -> None:
    subprocess.run(["mount", *arguments, str(place)], check=True)
    mounts.callback(subprocess.run, ["umount", str(place)], check=True)


def _install(machine: Path, provision: str) -> None:
    """What docs/installation.md says to do, on the machine that is not running yet."""
    _install_program(machine)
    units = machine / "etc/systemd/system"
    for unit in [*(ROOT / "systemd").glob("*.service"), *(ROOT / "systemd").glob("*.target")]:
        shutil.copy(unit, units)
    shutil.copy(ROOT / "systemd/anpr-edge.sysusers.conf", machine / "usr/lib/sysusers.d/anpr-edge.conf")
    shutil.copy(ROOT / "systemd/anpr-edge.tmpfiles.conf", machine / "usr/lib/tmpfiles.d/anpr-edge.conf")
    own = {"anpr-test.target": TARGET, "broker.service": BROKER, "probe.service": PROBE}
    for name, text in {**own, "anpr-edge-reader.service.d/test.conf": WATCHDOG}.items():
        (units / name).parent.mkdir(exist_ok=True)
        (units / name).write_text(text)
    (machine / "provision.py").write_text(provision)
    layout = "/usr/lib/tmpfiles.d/anpr-edge.conf"
    with ExitStack() as mounts:
        _mount(mounts, machine / "proc", "-t", "proc", "proc")
        _mount(mounts, machine / "dev", "--bind", "/dev")
        _mount(mounts, machine / PACKAGES, "--bind", sysconfig.get_path("purelib"))
        _inside(machine, "systemd-sysusers")
        _inside(machine, "systemd-tmpfiles", "--create", layout)
        _inside(machine, f"/{HOME}/venv/bin/python", "/provision.py")
        _inside(machine, "systemd-tmpfiles", "--create", layout)


def _install_program(machine: Path) -> None:
    """The system's Python with this checkout and this environment's packages, as /opt/anpr-edge/venv."""
    venv = machine / HOME / "venv"
    subprocess.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", str(venv)], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    source = machine / HOME / "source"
    shutil.copytree(ROOT / "anpr_edge", source / "anpr_edge", ignore=shutil.ignore_patterns("__pycache__"))
    share = venv / "share/anpr-edge/models"
    shutil.copytree(ROOT / "models", share, ignore=shutil.ignore_patterns("recipe", "*.py"))
    (machine / PACKAGES).mkdir()
    paths = [f"/{source.relative_to(machine)}", f"/{PACKAGES}"]
    (packages / "anpr-edge.pth").write_text("\n".join(paths))
    program = venv / "bin/anpr-edge"
    program.write_text(
        f"#!/{HOME}/venv/bin/python\nimport sys\nfrom anpr_edge.cli.edge import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)


def _inside(machine: Path, *command: str) -> None:
    subprocess.run(["chroot", str(machine), *command], check=True, capture_output=True)
