"""What a unit does in an update, in one process: `python -m tests.update.unit_side FOLDER BUNDLE [WORD…]`.

It installs and restarts to try; with `gate` it commits what was tried, with `older` it takes any version. It
says how far it is, a word a line: whoever cuts its power aims by them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.update.record import Recorder
from anpr_edge.update.updater import Updater, Wanted
from tests.unit.update.samples import Board


def serve(folder: Path, slot: str) -> subprocess.Popen[bytes]:
    """A RAUC service on this session's bus, once it answers."""
    os.environ["DBUS_STARTER_BUS_TYPE"] = "session"
    service = subprocess.Popen(
        ["rauc", f"--conf={folder}/system.conf", f"--override-boot-slot={slot}", "service"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]
    ask += ["org.freedesktop.DBus.NameHasOwner", "string:de.pengutronix.rauc"]
    for _ in range(200):
        if "boolean true" in subprocess.run(ask, capture_output=True, text=True, check=False).stdout:
            return service
        time.sleep(0.01)
    raise SystemExit("the RAUC service does not come up")


def main(folder: Path, bundle: Path, words: list[str]) -> int:
    """Install, restart into it, and with `gate` commit it there."""
    board = Board.found(folder)
    updater = Updater(board.layout, Recorder(board.layout.state_dir, folder / "data"), SystemClock())
    service = serve(folder, updater.store.running() or "A")
    try:
        print("ready", flush=True)
        updater.settle()
        updater.install(bundle, Wanted(allow_older="older" in words), lambda text: None)
        print("installed", flush=True)
        updater.reboot_to_try()
        if "gate" in words:
            board.start()
            print("started", flush=True)
            updater.commit()
        print("done", flush=True)
    except AnprError as error:
        print(f"{error} ({error.hint})")
        return 1
    finally:
        service.terminate()
        service.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
