"""Runs as root inside the booted machine: the aim page takes the camera, and the reader comes back."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAM = "/opt/anpr-edge/venv/bin/anpr-edge"
READER = "anpr-edge-reader"
WITHIN_S = 60.0


def active() -> str:
    asked = ["systemctl", "is-active", READER]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def wait_for(state: str) -> bool:
    for _ in range(int(WITHIN_S / 0.2)):
        if active() == state:
            return True
        time.sleep(0.2)
    return False


def open_page() -> subprocess.Popen[str]:
    command = [PROGRAM, "aim", "--port", "0", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    return json.loads(line) if line else {}


def one_page(how: str) -> dict[str, Any]:
    """Open the page over a running reader, end it in one way, and see what becomes of the reader."""
    before = wait_for("active")
    process = open_page()
    told = first_line(process)
    during = active()
    getattr(process, how)()
    process.wait(WITHIN_S)
    after = wait_for("active")
    return {"before": before, "told": told, "during": during, "after": after}


def main() -> None:
    facts: dict[str, Any] = {how: one_page(how) for how in ("terminate", "kill")}
    subprocess.run(["systemctl", "stop", READER], check=True)
    process = open_page()
    told = first_line(process)
    process.terminate()
    process.wait(WITHIN_S)
    time.sleep(3)
    facts["stopped before"] = {"told": told, "after": active()}
    log = Path("/var/lib/anpr-edge/audit.log")
    facts["events"] = [json.loads(line) for line in log.read_text().splitlines()]
    facts["log mode"] = oct(log.stat().st_mode & 0o777)
    Path("/facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
