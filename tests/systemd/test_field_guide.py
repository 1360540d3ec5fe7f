"""The first page of docs/field-guide.md, typed as it stands, on a throw-away machine: to reads at the centre.

Flashing is copying the bundle to where `scripts/flash` puts it, and a start is what
anpr-edge-provision.service runs: those have tests of their own.
"""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.systemd import machine

GUIDE = (machine.ROOT / "docs" / "field-guide.md").read_text()
CARD = "/boot/firmware/anpr"
READS = 2

BEFORE = """set -eu
export PATH=/opt/anpr-edge/venv/bin:$PATH HOME=/root
echo 127.0.0.1 broker.example >>/etc/hosts
mkdir -p /srv/w && cd /srv/w
systemd-sysusers
anpr-fleet authority create demo --broker broker.example --no-passphrase
cd demo
anpr-fleet server broker.example
anpr-fleet consumer centre --out /etc/anpr-central
{ printf '[feeds.charging]\\npurpose = "Road user charging"\\n'
  anpr-central keygen --out /etc/anpr-central
  printf '[consumers.centre]\\nfeeds = ["charging"]\\n'; } >>fleet.toml
anpr-fleet broker config --out ../broker
install -d -m 755 /etc/mosquitto/anpr && cd ../broker
install -m 644 mosquitto.conf ca.crt server.crt crl.pem /etc/mosquitto/anpr
install -o mosquitto -g mosquitto -m 600 server.pem access.acl /etc/mosquitto/anpr
install -d -o mosquitto -g mosquitto -m 700 /etc/mosquitto/anpr/state
mosquitto -d -c /etc/mosquitto/anpr/mosquitto.conf
cd ..
cat >poles.csv
"""
START = "anpr-edge provision && systemd-tmpfiles --create anpr-edge.conf\n"
AFTER = f"""cd /srv/w
anpr-central subscribe --host broker.example --fleet demo --feed charging --store reads.jsonl &
anpr-edge uplink & anpr-edge read &
for second in $(seq 60); do [ "$(wc -l <reads.jsonl)" -ge {READS} ] && break; sleep 1; done
echo "reads at the centre: $(wc -l <reads.jsonl)"
"""


def first_page() -> str:
    """The commands of the first page, the machine's own part between them."""
    section = GUIDE.split("## From unpacking to the first read")[1].split("\n## ")[0]
    script = ""
    for line in "".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)).splitlines():
        if "scripts/flash" in line:
            script += f"cd /srv/w; mkdir -p {CARD}; cp bundles/unit-0001.bundle {CARD}\n{START}cd demo\n"
        elif "anpr-fleet enrol" in line:
            script += line.replace("/media/usb/anpr", CARD) + f"\n{START}"
        elif "scripts/boot-image" not in line:
            script += line.replace("ed25519:…", "$(cat /var/lib/anpr-edge/keys/sign.pub)") + "\n"
    return script


def poles() -> str:
    """The guide's own table, with the column for a trial without hardware."""
    (table,) = re.findall(r"^```csv\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    heading, *rows = table.splitlines()
    return "\n".join([f"{heading},camera.source", *(f"{row},synthetic" for row in rows)]) + "\n"


def install_programs(root: Path) -> None:
    machine._install_program(root)
    edge = root / machine.HOME / "venv/bin/anpr-edge"
    for name in ("fleet", "central"):
        program = edge.with_name(f"anpr-{name}")
        program.write_text(edge.read_text().replace("cli.edge", f"cli.{name}"))
        program.chmod(0o755)
    for kind, folder in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        source = machine.ROOT / "systemd" / f"anpr-edge.{kind}.conf"
        (root / "usr/lib" / folder / "anpr-edge.conf").write_text(source.read_text())


@pytest.mark.skipif(bool(machine.missing()), reason=machine.missing())
def test_a_stranger_comes_from_unpacking_to_reads_at_the_centre(tmp_path: Path) -> None:
    with machine._overlay(tmp_path) as root:
        install_programs(root)
        (root / "guide.sh").write_text(BEFORE + first_page() + AFTER)
        done = subprocess.run(
            [
                *("systemd-nspawn", "--quiet", f"--directory={root}", "--register=no", "--keep-unit"),
                *("--private-network", "--as-pid2", "--console=pipe", "--link-journal=no"),
                *(f"--bind-ro={sysconfig.get_path('purelib')}:/{machine.PACKAGES}", "bash", "/guide.sh"),
            ],
            input=poles(),
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    counted = re.findall(r"^reads at the centre: (\d+)$", done.stdout, re.MULTILINE)
    assert counted, done.stdout + done.stderr
    assert int(counted[0]) >= READS, done.stdout + done.stderr
