"""Runs as root inside the booted machine and writes what it finds to /facts.json; test_boot.py judges."""

from __future__ import annotations

import json
import os
import pwd
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

PROGRAM = "/opt/anpr-edge/venv/bin/anpr-edge"
KEYS = "/var/lib/anpr-edge/keys"
WITHIN_S = 60.0


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def show(service: str, key: str) -> str:
    return output("systemctl", "show", "--value", "-p", key, f"anpr-edge-{service}").strip()


def journal(service: str) -> str:
    return output("journalctl", "--no-pager", "-o", "cat", "-u", f"anpr-edge-{service}")


def wait_for(service: str, key: str, value: str) -> None:
    """End with the service's journal when it does not get there."""
    for _ in range(int(WITHIN_S / 0.2)):
        if show(service, key) == value:
            return
        time.sleep(0.2)
    raise SystemExit(f"{service}: {key} never became {value}\n{journal(service)}")


def inside(service: str, *command: str) -> int:
    """The exit code of a command run as the service's user in the service's own view of the machine."""
    user = pwd.getpwnam(f"anpr-{service}")
    group = str(Path("/run/anpr-edge").stat().st_gid)
    enter = ["nsenter", "-t", show(service, "MainPID"), "-m", "-n", "-S", str(user.pw_uid), "-G", group]
    return subprocess.run([*enter, *command], capture_output=True, check=False).returncode


def wait_until_connected() -> None:
    """Until both services have said that they are at work; doctor says what is wrong when they never do."""
    for _ in range(int(WITHIN_S / 0.5)):
        files = [Path(f"/run/anpr-edge/{service}.json") for service in ("reader", "uplink")]
        reader, uplink = (json.loads(file.read_text()) if file.exists() else {} for file in files)
        if reader.get("state") == "running" and uplink.get("link", {}).get("connected"):
            break
        time.sleep(0.5)


def stop_while_it_reads() -> dict[str, Any]:
    """Stop the reader after its first reads: how it ended, what it says it kept, what the outbox has."""
    state = Path("/run/anpr-edge/reader.json")
    for _ in range(int(WITHIN_S)):
        if json.loads(state.read_text()).get("reads", {}).get("committed", 0) > 0:
            break
        time.sleep(1)
    output("systemctl", "stop", "anpr-edge-reader")
    with closing(sqlite3.connect("file:/var/lib/anpr-edge/outbox.db?mode=ro", uri=True)) as outbox:
        first = "(SELECT min(seq) FROM reads WHERE reads.feed = feeds.feed)"
        (numbered,) = outbox.execute(f"SELECT sum(last_seq - {first} + 1) FROM feeds").fetchone()
    committed = json.loads(state.read_text())["reads"]["committed"]
    return {"result": show("reader", "Result"), "committed": committed, "numbered": numbered}


def main() -> None:
    facts: dict[str, Any] = {}
    for service in ("reader", "uplink"):
        wait_for(service, "ActiveState", "active")
        facts[f"{service}_restarts"] = show(service, "NRestarts")
    wait_until_connected()
    facts["doctor"] = json.loads(output(PROGRAM, "doctor", "--json"))
    reader_pid = show("reader", "MainPID")
    network = output("nsenter", "-t", reader_pid, "-n", "cat", "/proc/thread-self/net/dev")
    facts["reader_interfaces"] = [line.split(":")[0].strip() for line in network.splitlines()[2:]]
    facts["reader_capabilities"] = next(
        line.split()[1]
        for line in Path(f"/proc/{reader_pid}/status").read_text().splitlines()
        if line.startswith("CapEff")
    )
    for service in ("reader", "uplink"):
        for name in ("sign.pem", "sign.pub", "tls.pem"):
            facts[f"{service}_opens_{name}"] = inside(service, "cat", f"{KEYS}/{name}") == 0
        facts[f"{service}_moves_keys"] = inside(service, "mv", KEYS, f"{KEYS}.old") == 0
        facts[f"{service}_writes_configuration"] = inside(service, "touch", "/etc/anpr-edge/unit.toml") == 0

    camera = Path("/dev/video0")
    camera.write_text("a stand-in: no device can be made in here")
    camera.chmod(0o666)
    for service in ("reader", "uplink"):
        facts[f"{service}_sees_the_camera"] = inside(service, "cat", str(camera)) == 0
        facts[f"{service}_groups"] = output("id", "-nG", f"anpr-{service}").split()

    facts["stopped_reader"] = stop_while_it_reads()

    output("systemctl", "start", "anpr-edge-reader")
    os.kill(int(show("reader", "MainPID")), signal.SIGSTOP)
    wait_for("reader", "Result", "watchdog")
    facts["hung_reader"] = journal("reader")

    Path("/etc/anpr-edge/unit.toml").write_text("[unit]\n")
    output("systemctl", "restart", "anpr-edge-uplink")
    time.sleep(6)  # longer than RestartSec=
    facts["misconfigured"] = [show("uplink", key) for key in ("ActiveState", "ExecMainStatus", "NRestarts")]
    Path("/facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
