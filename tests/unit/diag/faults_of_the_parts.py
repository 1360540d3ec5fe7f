"""Faults of the devices, the threads that serve them, and of what the broker makes of the unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from anpr_edge.commissioning import keep_view
from anpr_edge.uplink.reasons import Cause
from anpr_edge.vision.signature import Signature
from tests.unit.diag.consequences import Fault, link_down, nothing_is_read, too_dark
from tests.unit.diag.faults_of_the_system import own_models
from tests.unit.diag.test_lamp_board_check import SILENT, WELL
from tests.unit.diag.test_moved_check import MOVED
from tests.unit.diag.whole_unit import WholeUnit

LATE = {"age_s": 700.0, "limit_s": 10.0}


def link_thread_hangs(unit: WholeUnit) -> None:
    unit.uplink["stages"]["link"]["age_s"] = 700.0
    link_down(unit)


def gps_line_hangs(unit: WholeUnit) -> None:
    unit.reader["helpers"]["gps"] = dict(LATE)
    unit.reader["fix"] = {"mode": 0, "lost_s": 695.0, "from_site_m": None, "eph_m": None}


def with_lamp_board(unit: WholeUnit, **said: Any) -> None:
    """Lamps on a board instead of a PWM pin."""
    text = unit.bench.config.read_text().replace(f'pwm = "{unit.pwm}/pwm0"', 'board = "/dev/null"')
    unit.bench.config.write_text(text)
    unit.reader["lamp_board"] = {**WELL, **said}


def lamp_board_silent(unit: WholeUnit) -> None:
    with_lamp_board(unit, **SILENT)
    too_dark(unit)
    nothing_is_read(unit)


def lamp_board_line_hangs(unit: WholeUnit) -> None:
    with_lamp_board(unit, **{**SILENT, "silent_s": 700.0})
    unit.reader["helpers"]["lamp-board"] = dict(LATE)


def lamps_hot(unit: WholeUnit) -> None:
    with_lamp_board(unit, flags=["hot"], lamp_temperature_c=88.0)


def lamp_string_broken(unit: WholeUnit) -> None:
    with_lamp_board(unit, flags=["lamp-fault"], current_ma=4)
    nothing_is_read(unit)


def head_tilted(unit: WholeUnit) -> None:
    with_lamp_board(unit, flags=["was-moved"])


def camera_knocked(unit: WholeUnit) -> None:
    view = Signature(np.ones((36, 64), np.uint8)).to_json()
    keep_view(unit.bench.state_dir, "night", view, 10**18)
    unit.reader["view"] = dict(MOVED)


def rtc_without_battery(unit: WholeUnit) -> None:
    unit.rtc_off_s = -unit.bench.clock.now().utc_ns / 1e9 + 3600


def rtc_drifts(unit: WholeUnit) -> None:
    unit.rtc_off_s = -95.0


def watchdog_off(unit: WholeUnit) -> None:
    unit.bench.pi.write("sys/class/watchdog/watchdog0/state", "inactive")


def watchdog_bit(unit: WholeUnit) -> None:
    unit.bench.pi.write("sys/class/watchdog/watchdog0/bootstatus", "32")


def sensor_lies(unit: WholeUnit) -> None:
    unit.bench.pi.write("sys/class/thermal/thermal_zone0/temp", "-273150")


def chrony_garbled(unit: WholeUnit) -> None:
    unit.bench.pi.answers["chronyc"] = "C0000201,192.0.2.1,2,17900000"


def chrony_alone_for_a_day(unit: WholeUnit) -> None:
    unit.bench.pi.utc_s = lambda: unit.bench.clock.now().utc_ns / 1e9 - 86_400


def closeup_damaged(unit: WholeUnit) -> None:
    file = own_models(unit) / "closeup.tflite"
    file.write_bytes(file.read_bytes()[:-1000])
    unit.running.discard("reader")


def on_a_standby(unit: WholeUnit) -> None:
    unit.uplink["broker"] = {
        "address": "b.example:8883",
        "preferred": "a.example:8883",
        "on_standby": True,
        "failovers": 1,
    }


def not_in_the_access_list(unit: WholeUnit) -> None:
    unit.uplink["link"].update(cause=Cause.NOT_AUTHORISED, detail="the broker refuses us")


def card_copied(unit: WholeUnit) -> None:
    unit.uplink["link"].update(last_cause=Cause.TAKEN_OVER)


def feed_refused(unit: WholeUnit) -> None:
    unit.uplink["shaping"] = {"held": {"access": {"reason_code": 135, "for_s": 900.0, "again_in_s": 60.0}}}


def read_too_large(unit: WholeUnit) -> None:
    unit.uplink.update(set_aside=1, set_aside_last=[{"feed": "access", "seq": 7}])


def wrong_pair_of_files(unit: WholeUnit) -> None:
    unit.uplink["certificate"] = {"until": "2027-01-01", "trouble": "tls.crt is not for the key in tls.pem"}


def budget_spent(unit: WholeUnit) -> None:
    unit.uplink["traffic"] = {"today_bytes": 50_000_000, "limit_bytes": 50_000_000, "budget": "spent"}


def losses_untold(unit: WholeUnit) -> None:
    loss = {"first": 10, "last": 12, "cause": "disk-full"}
    unit.uplink["outbox"]["access"].update(losses=[loss], losses_unconfirmed=1, dropped={"disk-full": 3})


FAULTS: list[Fault] = [
    (link_thread_hangs, "service-uplink"),
    (gps_line_hangs, "service-helpers"),
    (lamp_board_silent, "lamp-board"),
    (lamp_board_line_hangs, "service-helpers"),
    (lamps_hot, "lamp-heat"),
    (lamp_string_broken, "lamp-current"),
    (head_tilted, "tamper"),
    (camera_knocked, "camera-moved"),
    (rtc_without_battery, "rtc"),
    (rtc_drifts, "rtc"),
    (watchdog_off, "board-watchdog"),
    (watchdog_bit, "board-watchdog"),
    (sensor_lies, "temperature"),
    (chrony_garbled, "clock-source"),
    (chrony_alone_for_a_day, "clock-source"),
    (closeup_damaged, "model-closeup"),
    (on_a_standby, "uplink-broker"),
    (not_in_the_access_list, "uplink-accepted"),
    (card_copied, "uplink-identity"),
    (feed_refused, "uplink-feeds"),
    (read_too_large, "uplink-size"),
    (wrong_pair_of_files, "uplink-certificate"),
    (budget_spent, "uplink-budget"),
    (losses_untold, "outbox-losses"),
]
