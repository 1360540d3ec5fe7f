"""A unit in a folder of which everything can be examined, and all is well: to be broken, or to be watched.

What it has is real where that costs no hardware: keys, certificates, models, an outbox, a TLS server in the
broker's place. The services' states and the Pi are files.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from anpr_edge.diag.checks.illuminator import CONTROLS
from anpr_edge.diag.condition import Verdict
from anpr_edge.diag.examine import Line, examine
from anpr_edge.diag.registry import CHECKS
from anpr_edge.fleet.authority import Authority
from anpr_edge.hourly import HOURS_FILE, HOURS_SCHEMA, Hours, hour_name
from anpr_edge.vision.frame_faults import FAULTS
from tests.unit.diag.bench import Bench, make_bench
from tests.unit.update.samples import Board

HOST = "127.0.0.1"
USUAL_READS = 200
SITE = "[site]\nlat_deg = 10.0\nlon_deg = 0.0\n"
"""Where the sun stands high at noon and deep at midnight on every day of the year."""


def reader_state() -> dict[str, Any]:
    """What a reader says of itself by day on a road with traffic."""
    stages = {"capture": 0.03, "infer": 0.03, "commit": 0.2}
    return {
        "stages": {name: {"age_s": age_s, "limit_s": 10.0} for name, age_s in stages.items()},
        "helpers": {"gps": {"age_s": 0.3, "limit_s": 10.0}, "view": {"age_s": None, "limit_s": 60.0}},
        "frames": {"taken": 90_000, "processed": 89_000, "dropped": {"queue-full": 900}, "faults": {}},
        "reads": {"given": 900, "committed": 900, "unreadable": 20, "too_small": 4000, "last_age_s": 3.0},
        "latency_ms": {"frame_p50": 42.0, "frame_p95": 80.0},
        "sight": {
            "dark_grey": 20.0,
            "middle_grey": 90.0,
            "bright_grey": 190.0,
            "clipped": 0.002,
            "dark": False,
            "flat_s": None,
            "glare_s": None,
            "plates": {"looks": 200, "sharpness": 0.45, "contrast": 110.0, "width_px": 98.0},
        },
        "exposure": {
            "shutter_us": 201,
            "gain": 1.0,
            "lamp_level": 0.0,
            "lamp_fault": "",
            "profile": "day",
            "held_by": "plates",
            "plate_grey": 150.0,
            "scene_grey": 90.0,
            "limit": None,
            "limit_s": 0.0,
        },
        "clock": {"utc_error_ms": 1.0, "steps": 0, "last_step_s": None, "last_step_age_s": None},
        "fix": {"mode": 3, "lost_s": None, "from_site_m": 6.0, "eph_m": 4.0},
        "outbox_down": False,
    }


def uplink_state() -> dict[str, Any]:
    """What an uplink says of itself that delivers."""
    return {
        "stages": {"link": {"age_s": 0.2, "limit_s": 120.0}},
        "link": {"connected": True, "detail": "connected", "since_s": 86_000.0},
        "outbox": {"access": {"waiting": 2, "sent": 5, "oldest_age_s": 4.0}},
    }


@dataclass
class WholeUnit:
    """The unit, and what its services would say; `examine` writes that and looks."""

    bench: Bench
    reader: dict[str, Any] = field(default_factory=reader_state)
    uplink: dict[str, Any] = field(default_factory=uplink_state)
    running: set[str] = field(default_factory=lambda: {"reader", "uplink"})
    hours: Hours = field(default_factory=dict)
    rtc_off_s: float = 0.0

    @property
    def slots(self) -> Board:
        """The slots it was made with."""
        return Board.found(self.bench.pi.root)

    @property
    def pwm(self) -> Path:
        return self.bench.directory / "pwmchip0"

    @property
    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.bench.clock.now().utc_ns / 1e9, UTC)

    def configure(self, more: str = "") -> None:
        """Write the configuration; `more` is added to it."""
        devices = f'\n[gps]\ndevice = "/dev/null"\n[illuminator]\npwm = "{self.pwm}/pwm0"\n'
        self.bench.more = devices + more
        self.bench.write_config()
        self.bench.config.write_text(self.bench.config.read_text().replace("[site]\n", SITE))

    def say(self) -> None:
        """Let the services that run say what they say, and the battery-backed clock the time."""
        utc_s = self.bench.clock.now().utc_ns / 1e9 + self.rtc_off_s
        self.bench.pi.write("sys/class/rtc/rtc0/since_epoch", f"{utc_s:.0f}")
        for process, state in (("reader", self.reader), ("uplink", self.uplink)):
            if process in self.running:
                self.bench.say(process, **state)
        (self.bench.state_dir / HOURS_FILE).write_text(
            json.dumps({"schema": HOURS_SCHEMA, "hours": self.hours})
        )

    def fault(self, name: str, for_s: float) -> None:
        """Let a fault of the frames have stood for so long."""
        assert name in FAULTS
        self.reader["frames"]["faults"][name] = {"count": 500, "for_s": for_s}

    def examine(self) -> list[Line]:
        """What doctor finds now."""
        self.say()
        return examine(self.bench.subject, CHECKS, CHECKS)

    def wrong(self) -> dict[str, Verdict]:
        """Root causes: what is not right and no consequence, in doctor's order."""
        well = (Verdict.OK, Verdict.ABSENT)
        lines = [line for line in self.examine() if not line.finding.because]
        return {
            line.condition.code: line.finding.verdict for line in lines if line.finding.verdict not in well
        }


def make_whole_unit(directory: Path) -> WholeUnit:
    """At noon tomorrow, so that its certificates are valid already, after five weeks of service."""
    unit = WholeUnit(make_bench(directory))
    clock, pi = unit.bench.clock, unit.bench.pi
    noon = (unit.utc + timedelta(days=1)).replace(hour=12, minute=30, second=0, microsecond=0)
    clock.step_utc((noon - unit.utc).total_seconds())
    clock.advance(0.001)
    (unit.pwm / "pwm0").mkdir(parents=True)
    for name in CONTROLS:
        (unit.pwm / "pwm0" / name).touch()
    unit.configure()
    unit.bench.make_outbox()
    pi.mount(unit.bench.state_dir, "mmcblk0", "mmcblk0p2")
    for path, content in (
        ("sys/block/mmcblk0/device/life_time", "0x02 0x01"),
        ("sys/block/mmcblk0/device/pre_eol_info", "0x01"),
        ("sys/fs/ext4/mmcblk0p2/errors_count", "0"),
        ("sys/class/hwmon/hwmon0/intrusion0_alarm", "0"),
        ("sys/class/rtc/rtc0/name", "rpi_rtc"),
        ("sys/class/watchdog/watchdog0/state", "active"),
        ("sys/class/watchdog/watchdog0/timeout", "15"),
        ("sys/class/hwmon/hwmon1/name", "ina219"),
        ("sys/class/hwmon/hwmon1/curr1_input", "640"),
    ):
        pi.write(path, content)
    Board(pi.root).describe()
    usual = {
        "seconds": 3600.0,
        "reads": float(USUAL_READS),
        "sharpness": 0.45,
        "contrast": 110.0,
        "dark_grey": 20.0,
    }
    unit.hours = {hour_name(unit.utc - timedelta(hours=back)): dict(usual) for back in range(5 * 168)}
    return unit


@contextmanager
def broker(unit: WholeUnit, *, authority: Authority | None = None, name: str = HOST) -> Iterator[None]:
    """TLS 1.3 as a broker speaks it, at the address in the unit's configuration, for as many as come."""
    issued = (authority or unit.bench.authority).issue_server(name)
    files = {"crt": issued.cert_pem, "pem": issued.key_pem, "trust": unit.bench.authority.cert_pem}
    for suffix, content in files.items():
        (unit.bench.directory / f"server.{suffix}").write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(unit.bench.directory / "server.crt", unit.bench.directory / "server.pem")
    context.load_verify_locations(unit.bench.directory / "server.trust")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server((HOST, 0)) as server:
        unit.bench.broker_port = server.getsockname()[1]
        unit.configure()
        threading.Thread(target=_serve, args=(server, context), daemon=True).start()
        yield
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            connection.settimeout(10)
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)
