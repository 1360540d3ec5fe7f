"""Who may have RAUC write a slot: root alone, though Debian's package lets everybody."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.update.rig import CHECKOUT, Unit, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

NOBODY = 65534
OURS = CHECKOUT / "systemd" / "anpr-edge-rauc-dbus.conf"

DEBIAN = """<busconfig>
  <policy context="default"><allow send_destination="de.pengutronix.rauc"/></policy>
  <policy user="root"><allow own="de.pengutronix.rauc"/></policy>
</busconfig>
"""
"""What rauc-service 1.8-2 installs, in short."""

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  {included}
</busconfig>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that others may enter."""
    folder = Path("/var/tmp") / f"anpr-bus-{time.monotonic_ns()}"
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def refused(folder: Path, policies: list[Path], user: int) -> bool:
    """Whether the bus keeps `user` from asking RAUC, under these policies."""
    included = "".join(f"<include>{path}</include>" for path in policies)
    (folder / "bus.conf").write_text(BUS.format(folder=folder, included=included))
    bus = subprocess.Popen(["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile"])
    service = None
    try:
        while not (folder / "bus").exists():
            time.sleep(0.01)
        where = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/bus", "PATH": "/usr/bin:/bin"}
        command = ["rauc", f"--conf={folder}/system.conf", "--override-boot-slot=A", "service"]
        service = subprocess.Popen(command, env=where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ask = ["dbus-send", "--system", "--print-reply", "--dest=de.pengutronix.rauc", "/"]
        ask += ["de.pengutronix.rauc.Installer.GetSlotStatus"]
        for _ in range(200):
            said = subprocess.run(ask, env=where, capture_output=True, text=True, check=False, user=user)
            if "not provided by any" not in said.stderr:
                return "AccessDenied" in said.stderr
            time.sleep(0.02)
        raise AssertionError(said.stderr)
    finally:
        for process in (service, bus):
            if process is not None:
                process.terminate()
                process.wait()
        (folder / "bus").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("ours", "user", "kept_out"),
    [(False, NOBODY, False), (True, NOBODY, True), (True, 0, False)],
    ids=["Debian's, anybody", "ours, anybody", "ours, root"],
)
def test_root_alone_may_have_a_slot_written(folder: Path, ours: bool, user: int, kept_out: bool) -> None:
    Unit(folder)
    debian = folder / "debian.conf"
    debian.write_text(DEBIAN)
    assert refused(folder, [debian, OURS] if ours else [debian], user) is kept_out
