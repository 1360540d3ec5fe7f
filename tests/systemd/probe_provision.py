"""Runs as root inside a machine that was flashed and given a bundle; test_provision.py judges."""

from __future__ import annotations

import json
import pwd
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

CARD, KEYS, ETC = Path("/boot/firmware/anpr"), Path("/var/lib/anpr-edge/keys"), Path("/etc/anpr-edge")
BIN = "/opt/anpr-edge/venv/bin"
WITHIN_S = 60.0


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def show(service: str, key: str) -> str:
    return output("systemctl", "show", "--value", "-p", key, f"anpr-edge-{service}").strip()


def wait_for_reader() -> None:
    """Until it has begun to start: what it does then is not tried here."""
    for _ in range(int(WITHIN_S / 0.2)):
        if int(show("reader", "InactiveExitTimestampMonotonic")):
            return
        time.sleep(0.2)
    journal = output("journalctl", "--no-pager", "-o", "cat", "-u", "anpr-edge-*")
    raise SystemExit(f"the reader never began\n{journal}")


def looks(path: Path) -> list[str | int]:
    """Owner and mode."""
    state = path.stat()
    return [pwd.getpwuid(state.st_uid).pw_name, stat.S_IMODE(state.st_mode)]


def fleet(*arguments: str) -> None:
    code = f"import sys; from anpr_edge.cli.fleet import main; sys.exit(main({list(arguments)!r}))"
    subprocess.run([f"{BIN}/python", "-c", code], check=True, cwd="/srv/demo", capture_output=True)


def main() -> None:
    facts: dict[str, Any] = {}
    wait_for_reader()
    facts["result"] = show("provision", "Result")
    facts["journal"] = output("journalctl", "--no-pager", "-o", "cat", "-u", "anpr-edge-provision")
    ended = int(show("provision", "InactiveEnterTimestampMonotonic"))
    facts["before_the_reader"] = 0 < ended <= int(show("reader", "InactiveExitTimestampMonotonic"))
    facts["card"] = sorted(path.name for path in CARD.iterdir())
    facts["hostname"] = socket.gethostname()
    facts["clock_file"] = Path("/etc/anpr-edge/provision/clock").exists()
    facts["looks"] = {path.name: looks(path) for path in KEYS.iterdir()}
    facts["looks"]["unit.toml"] = looks(ETC / "unit.toml")
    facts["audit"] = json.loads(output(f"{BIN}/anpr-edge", "audit", "show", "--json"))
    fleet("enrol", "--serve", "--home", "/srv/enroller", "--idle", "3")
    for _ in range(100):
        if show("enrol", "ActiveState") == "inactive":
            break
        time.sleep(0.2)
    facts["enrolled"] = [
        looks(KEYS / "tls.crt") if (KEYS / "tls.crt").exists() else [],
        show("enrol", "Result"),
    ]
    facts["ticket"] = (KEYS / "enrol.json").exists()
    facts["enrol_journal"] = output("journalctl", "--no-pager", "-o", "cat", "-u", "anpr-edge-enrol")
    facts["audit_after"] = json.loads(output(f"{BIN}/anpr-edge", "audit", "show", "--json"))
    fleet("enrol", str(CARD / "unit-0001.csr"), "--unit", "unit-0001")
    output("systemctl", "restart", "anpr-edge-provision")
    facts["after_enrol"] = [
        show("provision", "Result"),
        sorted(path.name for path in CARD.iterdir()),
        looks(KEYS / "tls.crt"),
    ]
    output("systemctl", "restart", "anpr-edge-provision")
    facts["without_work"] = show("provision", "ConditionResult")
    Path("/facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
