"""Faults that a unit meets at its pole: camera, GPS, lamps, lens, link, services, outbox."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable

from tests.unit.diag.consequences import Fault, link_down, nothing_is_read, too_dark
from tests.unit.diag.whole_unit import WholeUnit


def camera_unplugged(unit: WholeUnit) -> None:
    unit.bench.camera = {"source": "video", "location": "/dev/video99"}
    unit.configure()
    unit.running.discard("reader")


def video_lost(unit: WholeUnit) -> None:
    unit.bench.camera = {"source": "video", "location": str(unit.bench.directory / "road.mp4")}
    unit.configure()
    unit.running.discard("reader")


def gps_unplugged(unit: WholeUnit) -> None:
    unit.bench.config.write_text(unit.bench.config.read_text().replace("/dev/null", "/dev/ttyACM99"))
    unit.reader["fix"] = {"mode": 0, "lost_s": 9000.0, "from_site_m": None, "eph_m": None}


def gps_without_sky(unit: WholeUnit) -> None:
    unit.reader["fix"] = {"mode": 1, "lost_s": 900.0, "from_site_m": None, "eph_m": None}


def moved_away(unit: WholeUnit) -> None:
    unit.reader["fix"]["from_site_m"] = 2300.0


def no_pwm(unit: WholeUnit) -> None:
    shutil.rmtree(unit.pwm)
    unit.running.discard("reader")


def no_name_server(unit: WholeUnit) -> None:
    unit.bench.broker_host = "broker.invalid"
    unit.configure()
    link_down(unit)


def broker_down(unit: WholeUnit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        unit.bench.broker_port = server.getsockname()[1]
    unit.configure()
    link_down(unit)


def uplink_stuck(unit: WholeUnit) -> None:
    link_down(unit)


def reader_never_ran(unit: WholeUnit) -> None:
    unit.running.discard("reader")
    nothing_is_read(unit)


def reader_stopped_dead(unit: WholeUnit) -> None:
    unit.say()
    unit.running.discard("reader")
    unit.bench.clock.advance(6)


def stage_hangs(stage: str) -> Callable[[WholeUnit], None]:
    def hang(unit: WholeUnit) -> None:
        unit.reader["stages"][stage]["age_s"] = 11.0
        nothing_is_read(unit)

    return hang


def state_damaged(unit: WholeUnit) -> None:
    unit.running.discard("reader")
    (unit.bench.run_dir / "reader.json").write_text('{"schema": 1, "mono')


def uplink_never_ran(unit: WholeUnit) -> None:
    unit.running.discard("uplink")


def restarts(unit: WholeUnit) -> None:
    unit.bench.pi.answers["systemctl"] = "NRestarts=7\n"
    unit.reader["uptime_s"] = 40.0


def case_opened(unit: WholeUnit) -> None:
    unit.bench.pi.write("sys/class/hwmon/hwmon0/intrusion0_alarm", "1")


def lamps_dead(unit: WholeUnit) -> None:
    unit.reader["exposure"].update(lamp_level=1.0)
    unit.bench.pi.write("sys/class/hwmon/hwmon1/curr1_input", "0")
    unit.fault("black", 900.0)
    too_dark(unit)
    nothing_is_read(unit)


def restart_due(unit: WholeUnit) -> None:
    unit.bench.pi.write("run/reboot-required", "")


def frames(fault: str) -> Callable[[WholeUnit], None]:
    def inject(unit: WholeUnit) -> None:
        unit.fault(fault, 900.0)
        nothing_is_read(unit)

    return inject


def cap_on_the_lens(unit: WholeUnit) -> None:
    unit.fault("black", 900.0)
    too_dark(unit)
    nothing_is_read(unit)


def aperture_closed(unit: WholeUnit) -> None:
    too_dark(unit)
    nothing_is_read(unit)


def lamps_do_not_obey(unit: WholeUnit) -> None:
    unit.reader["exposure"]["lamp_fault"] = "/sys/class/pwm: cannot write 1"


def night_at_noon(unit: WholeUnit) -> None:
    unit.reader["exposure"]["profile"] = "night"


def slow_models(unit: WholeUnit) -> None:
    unit.reader["latency_ms"]["frame_p50"] = 700.0
    nothing_is_read(unit)


def bag_over_the_camera(unit: WholeUnit) -> None:
    unit.reader["sight"].update(dark_grey=80.0, bright_grey=90.0, flat_s=900.0)
    nothing_is_read(unit)


def low_sun(unit: WholeUnit) -> None:
    unit.reader["sight"].update(clipped=0.3, glare_s=1800.0)
    nothing_is_read(unit)


def wet_window(unit: WholeUnit) -> None:
    unit.reader["sight"].update(dark_grey=60.0)
    unit.reader["sight"]["plates"].update(contrast=40.0, sharpness=0.1)
    nothing_is_read(unit)


def out_of_focus(unit: WholeUnit) -> None:
    unit.reader["sight"]["plates"].update(sharpness=0.03, contrast=95.0)
    nothing_is_read(unit)


def too_far_away(unit: WholeUnit) -> None:
    unit.reader["sight"]["plates"].update(width_px=48.0)
    nothing_is_read(unit)


def turned_away(unit: WholeUnit) -> None:
    nothing_is_read(unit)


def outbox_damaged(unit: WholeUnit) -> None:
    path = unit.bench.state_dir / "outbox.db"
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(4096)
    path.write_bytes(bytes(content))


def centre_does_not_confirm(unit: WholeUnit) -> None:
    unit.uplink["outbox"]["access"] = {"waiting": 0, "sent": 90_000, "oldest_age_s": 40 * 3600.0}


FAULTS: list[Fault] = [
    (camera_unplugged, "camera"),
    (video_lost, "camera"),
    (gps_unplugged, "gps"),
    (gps_without_sky, "gps-fix"),
    (moved_away, "gps-distance"),
    (no_pwm, "illuminator"),
    (no_name_server, "broker-name"),
    (broker_down, "broker-port"),
    (uplink_stuck, "uplink-link"),
    (reader_never_ran, "service-reader"),
    (reader_stopped_dead, "service-reader"),
    (stage_hangs("capture"), "service-reader"),
    (stage_hangs("infer"), "service-reader"),
    (stage_hangs("commit"), "service-reader"),
    (state_damaged, "service-reader"),
    (uplink_never_ran, "service-uplink"),
    (restarts, "service-restarts"),
    (case_opened, "tamper"),
    (lamps_dead, "lamp-current"),
    (restart_due, "restart-due"),
    (cap_on_the_lens, "frames-black"),
    (frames("unusable"), "frames-unusable"),
    (frames("white"), "frames-white"),
    (frames("frozen"), "frames-frozen"),
    (frames("backwards"), "frames-backwards"),
    (frames("slow"), "frames-slow"),
    (aperture_closed, "exposure"),
    (lamps_do_not_obey, "exposure"),
    (night_at_noon, "day-night"),
    (slow_models, "model-speed"),
    (bag_over_the_camera, "camera-blocked"),
    (low_sun, "lens-glare"),
    (wet_window, "lens-haze"),
    (out_of_focus, "focus"),
    (too_far_away, "plate-width"),
    (turned_away, "capture-rate"),
    (outbox_damaged, "outbox"),
    (centre_does_not_confirm, "outbox-backlog"),
]
