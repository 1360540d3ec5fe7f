"""Runs as root inside a booted image and says on the serial line how its services are; boot.py listens.

Only Python's own library: it is put into the memory of the machine that boots, not into its image.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MARK = "anpr-boot: "
SERVICES = ("anpr-edge-reader", "anpr-edge-uplink")
PROVISION = "anpr-edge-provision"
REFUSAL = Path("/boot/firmware/anpr/provision-error.txt")
RUN = Path("/run/anpr-edge")
EVERY_S = 5
JOURNAL = ("journalctl", "-b", "-p", "warning", "--no-pager", "-o", "short-monotonic")


def output(*command: str) -> str:
    """What a program prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def state(process: str) -> dict[str, Any]:
    """What a service last said of itself."""
    try:
        said: dict[str, Any] = json.loads((RUN / f"{process}.json").read_text())
    except (OSError, ValueError):
        return {}
    return said


def mounts() -> dict[str, str]:
    """What is mounted where that matters, and how: source and options."""
    found = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        source, place, _, options = line.split()[:4]
        if place in ("/", "/data", "/boot/firmware", "/var/lib/anpr-edge", "/etc/anpr-edge"):
            found[place] = f"{source} {options.split(',')[0]}"
    return found


def facts() -> dict[str, Any]:
    """How the services are now."""
    reader, uplink = state("reader"), state("uplink")
    return {
        "up_s": round(float(Path("/proc/uptime").read_text().split()[0])),
        "active": {name: output("systemctl", "is-active", name) for name in SERVICES},
        "restarts": {
            name: output("systemctl", "show", "--value", "-p", "NRestarts", name) for name in SERVICES
        },
        "provision": output("systemctl", "is-active", PROVISION),
        "reader": {key: reader.get(key) for key in ("state", "frames", "reads")},
        "uplink": {key: uplink.get(key) for key in ("state", "link")},
    }


def last_words() -> dict[str, Any]:
    """What is looked at once, when all is well or time is over."""
    return {
        "release": output("sh", "-c", ". /etc/os-release; echo $PRETTY_NAME"),
        "kernel": output("uname", "-rm"),
        "hostname": output("hostname"),
        "listening": [line.split() for line in output("ss", "-Hlntup").splitlines()],
        "mounts": mounts(),
        "data_mb": output("df", "--output=size", "-BM", "/data").splitlines()[-1:],
        "failed": output("systemctl", "--failed", "--plain", "--no-legend").splitlines(),
        "provision": output("journalctl", "-b", "--no-pager", "-o", "cat", "-u", PROVISION).splitlines(),
        "on_card": REFUSAL.read_text().splitlines() if REFUSAL.exists() else [],
        "status": output("/opt/anpr-edge/venv/bin/anpr-edge", "status"),
        "journal": output(*JOURNAL).splitlines()[-40:],
    }


def main(limit_s: float) -> None:
    """Say how the services are until they read or time is over; then the last words, and power off."""
    with Path("/dev/console").open("w", buffering=1) as console:
        while True:
            now = facts()
            print(f"\n{MARK}{json.dumps(now)}", file=console)
            reading = ((now["reader"]["reads"] or {}).get("committed") or 0) > 0
            good = reading and set(now["active"].values()) == {"active"}
            refused = now["provision"] == "failed" and "activating" not in now["active"].values()
            if good or refused or now["up_s"] > limit_s:
                break
            time.sleep(EVERY_S)
        print(f"\n{MARK}{json.dumps({'last': last_words()})}", file=console)
        if not good:
            for name in SERVICES:
                print(output("journalctl", "-b", "--no-pager", "-u", name), file=console)
    output("systemctl", "poweroff")


if __name__ == "__main__":
    main(float(sys.argv[1]))
