"""Adds to an initramfs: a machine boots with something more in memory and nothing changed on its disk.

Linux unpacks every archive it is given one behind the other. Source: kernel documentation, "initramfs buffer
format"; initramfs-tools(7) for what its scripts do when.
"""

from __future__ import annotations

from collections.abc import Mapping

FOLDER, PLAIN, EXECUTABLE = 0o040755, 0o100644, 0o100755

HOOK = """# One more script at the end, where /run is already the real system's.
echo '/scripts/init-bottom/anpr-probe' >>/scripts/init-bottom/ORDER
"""
SCRIPT = """#!/bin/sh
# An initramfs has few programs: no cp among them.
mkdir -p /run/systemd/system/multi-user.target.wants
cat /anpr-probe/probe.py >/run/anpr-probe.py
cat /anpr-probe/anpr-probe.service >/run/systemd/system/anpr-probe.service
ln -s ../anpr-probe.service /run/systemd/system/multi-user.target.wants/anpr-probe.service
for service in reader uplink; do
    mkdir -p /run/systemd/system/anpr-edge-$service.service.d
    cat /anpr-probe/patience.conf >/run/systemd/system/anpr-edge-$service.service.d/patience.conf
done
"""
PATIENCE = """[Service]
TimeoutStartSec=3600
WatchdogSec=600
"""
"""An emulated machine is no measure of how long a service may take: that is the one thing made different."""
SERVICE = """[Unit]
Description=Says on the serial line how the services are
After=basic.target

[Service]
ExecStart=/usr/bin/python3 -I /run/anpr-probe.py {limit_s}
"""


def probe(program: bytes, limit_s: float) -> bytes:
    """An archive with which a system starts `program` beside everything else it starts."""
    return archive(
        {
            "conf/conf.d/anpr-probe": (PLAIN, HOOK.encode()),
            "scripts/init-bottom/anpr-probe": (EXECUTABLE, SCRIPT.encode()),
            "anpr-probe/probe.py": (PLAIN, program),
            "anpr-probe/patience.conf": (PLAIN, PATIENCE.encode()),
            "anpr-probe/anpr-probe.service": (PLAIN, SERVICE.format(limit_s=limit_s).encode()),
        }
    )


def archive(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive in the format that Linux reads, padded so that another may follow."""
    folders = sorted(
        {"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)}
    )
    entries = [*((name, FOLDER, b"") for name in folders)]
    entries += [(name, mode, content) for name, (mode, content) in files.items()]
    out = b"".join(_entry(number, *entry) for number, entry in enumerate(entries, start=1))
    out += _entry(0, "TRAILER!!!", 0, b"")
    return out + bytes(-len(out) % 512)


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    head += bytes(-len(head) % 4)
    return head + content + bytes(-len(content) % 4)
