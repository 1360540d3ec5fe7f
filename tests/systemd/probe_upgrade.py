"""Runs as root inside the booted machine: today's services on release 0.1.0's data, and a centre."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

PYTHON = "/opt/anpr-edge/venv/bin/python"
PROGRAM = "/opt/anpr-edge/venv/bin/anpr-edge"
STATE = Path("/var/lib/anpr-edge")
STORE = Path("/srv/rig/centre/reads.jsonl")
LAST_OLD = int(Path("/srv/data/outbox.db.marks").read_text().split()[0])
WITHIN_S = 90.0


def rows(file: str, query: str) -> list[list[Any]]:
    with closing(sqlite3.connect(f"file:{STATE / file}?mode=ro", uri=True)) as database:
        return [list(row) for row in database.execute(query).fetchall()]


def wait_for(wanted: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if wanted():
            return True
        time.sleep(0.3)
    return False


def state(process: str) -> dict[str, Any]:
    file = Path(f"/run/anpr-edge/{process}.json")
    return json.loads(file.read_text()) if file.exists() else {}


def start_centre() -> subprocess.Popen[bytes]:
    port = tomllib.loads(Path("/etc/anpr-edge/unit.toml").read_text())["broker"]["port"]
    command = [PYTHON, "-m", "anpr_edge.cli.central", "subscribe", "--home", "/srv/rig/centre"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--fleet", "demo", "--feed", "charging"]
    return subprocess.Popen([*command, "--name", "centre", "--store", str(STORE)])


def confirmed() -> bool:
    return not rows("outbox.db", f"SELECT seq FROM reads WHERE seq <= {LAST_OLD}")


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def main() -> None:
    centre = start_centre()
    facts: dict[str, Any] = {
        "reads": wait_for(lambda: state("reader").get("reads", {}).get("committed", 0) > 0),
        "confirmed": wait_for(confirmed),
        "journal": output("journalctl", "--no-pager", "-o", "cat", "-u", "anpr-edge-*")[-4000:],
    }
    for service in ("reader", "uplink"):
        facts[f"{service}_restarts"] = output(
            "systemctl", "show", "--value", "-p", "NRestarts", f"anpr-edge-{service}"
        ).strip()
    output("systemctl", "stop", "anpr-edge-reader", "anpr-edge-uplink")
    centre.terminate()
    centre.wait(20)
    facts |= {
        "stored": sorted(json.loads(line)["seq"] for line in STORE.read_text().splitlines()),
        "refused": Path(f"{STORE}.refused").read_text(),
        "drops": rows("outbox.db", "SELECT * FROM drops"),
        "losses": rows("outbox.db", "SELECT first, last FROM losses"),
        "last_seq": rows("outbox.db", "SELECT last_seq FROM feeds")[0][0],
        "policy": state("reader").get("policy"),
        "rebuilds": [state(process).get("outbox_rebuilds") for process in ("reader", "uplink")],
        "audit": subprocess.run([PROGRAM, "audit", "verify"], capture_output=True, check=False).returncode,
        "hours": json.loads((STATE / "hours.json").read_text())["hours"],
        "days": json.loads((STATE / "counts-reader.json").read_text())["days"],
        "commands": rows("commands.db", "SELECT * FROM taken"),
    }
    Path("/facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
