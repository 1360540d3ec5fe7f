"""Every way in which a unit is known to break, each named by one code: its root cause, and nothing else.

A fault is injected with all that follows from it, as it would show on a road: with the lamps dead, frames are
black, exposure is at its limit and nothing is read, and doctor says that the lamps are dead.
"""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.diag.condition import Verdict
from anpr_edge.fleet.authority import Authority
from anpr_edge.hourly import hour_name
from anpr_edge.seal.keys import SigningKey
from tests.unit.diag.fake_pi import CHRONY
from tests.unit.diag.test_policy_check import PolicyBench
from tests.unit.diag.whole_unit import WholeUnit, broker, make_whole_unit

MODELS = find_models_directory()
NO_SOURCE = CHRONY.replace("Normal", "Not synchronised")

pytestmark = pytest.mark.skipif(not (MODELS / "detector.json").is_file(), reason="no trained models")


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[WholeUnit]:
    made = make_whole_unit(tmp_path)
    with broker(made):
        yield made


def nothing_is_read(unit: WholeUnit) -> None:
    """The last full hour had hardly a read."""
    unit.hours[hour_name(unit.utc - timedelta(hours=1))]["reads"] = 3.0


def too_dark(unit: WholeUnit) -> None:
    unit.reader["exposure"].update(limit="dark", limit_s=1200.0)


# ── what is broken, with what follows from it ──────────────────────────────────────────────


def unknown_key(unit: WholeUnit) -> None:
    unit.configure("\n[unknown]\nkey = 1\n")


def no_configuration(unit: WholeUnit) -> None:
    unit.bench.config.unlink()


def no_time_source(unit: WholeUnit) -> None:
    unit.bench.pi.answers["chronyc"] = NO_SOURCE
    unit.bench.clock.utc_error_ms = None
    unit.reader["clock"].update(steps=1, last_step_s=-3.0, last_step_age_s=60.0)


def woke_up_in_1970(unit: WholeUnit) -> None:
    unit.bench.clock.step_utc(-unit.bench.clock.now().utc_ns / 1e9 + 60)


def not_synchronised(unit: WholeUnit) -> None:
    unit.bench.clock.utc_error_ms = None


def error_bound_too_wide(unit: WholeUnit) -> None:
    unit.bench.clock.utc_error_ms = 5000.0


def clock_far_off(unit: WholeUnit) -> None:
    unit.bench.pi.answers["chronyc"] = CHRONY.replace("0.000012", "0.3")


def clock_was_set(unit: WholeUnit) -> None:
    unit.reader["clock"].update(steps=1, last_step_s=-3600.0, last_step_age_s=300.0)


def weak_supply(unit: WholeUnit) -> None:
    unit.bench.pi.answers["vcgencmd"] = "throttled=0x50005"
    unit.reader["latency_ms"]["frame_p50"] = 400.0
    unit.fault("slow", 60.0)
    nothing_is_read(unit)


def too_hot(unit: WholeUnit) -> None:
    unit.bench.pi.write("sys/class/thermal/thermal_zone0/temp", "86000")
    unit.bench.pi.answers["vcgencmd"] = "throttled=0xe000e"
    unit.reader["latency_ms"]["frame_p50"] = 400.0


def frequency_capped(unit: WholeUnit) -> None:
    unit.bench.pi.answers["vcgencmd"] = "throttled=0x2"


def worn_emmc(unit: WholeUnit) -> None:
    unit.bench.pi.write("sys/block/mmcblk0/device/life_time", "0x0b 0x04")


def file_system_errors(unit: WholeUnit) -> None:
    unit.bench.pi.write("sys/fs/ext4/mmcblk0p2/errors_count", "3")


def sign_key_lost(unit: WholeUnit) -> None:
    (unit.bench.keys / "sign.pem").unlink()


def sign_key_open(unit: WholeUnit) -> None:
    (unit.bench.keys / "sign.pem").chmod(0o644)


def sign_pub_of_another(unit: WholeUnit) -> None:
    (unit.bench.keys / "sign.pub").write_text(f"{SigningKey.generate().public.text}\n")


def tls_key_lost(unit: WholeUnit) -> None:
    (unit.bench.keys / "tls.pem").unlink()
    link_down(unit)


def certificate_of_another_unit(unit: WholeUnit) -> None:
    unit.bench.enrol("unit-0002")
    link_down(unit)


def certificate_of_another_fleet(unit: WholeUnit) -> None:
    other = Authority.create(unit.bench.directory / "other", "otherfleet", SystemClock())
    (unit.bench.keys / "ca.crt").write_bytes(other.cert_pem)
    link_down(unit)


def certificate_over(unit: WholeUnit) -> None:
    unit.bench.clock.step_utc(731 * 86_400)
    link_down(unit)


def certificate_soon_over(unit: WholeUnit) -> None:
    unit.bench.clock.step_utc(710 * 86_400)


def key_strayed(unit: WholeUnit) -> None:
    from anpr_edge.fleet.provision import FeedPlan
    from anpr_edge.seal.keys import RecipientPrivateKey

    key = RecipientPrivateKey.generate()
    unit.bench.feed = FeedPlan("access", "test", (key.public.text,), SigningKey.generate().public.text)
    unit.configure()
    key.save(unit.bench.state_dir / "forgotten.pem")


def with_policy(unit: WholeUnit) -> PolicyBench:
    policies = PolicyBench(unit.bench)
    policies.take(policies.policy)
    unit.uplink["outbox"] = {}
    return policies


def policy_over(unit: WholeUnit) -> None:
    with_policy(unit)
    unit.bench.clock.step_utc(31 * 86_400)


def policy_soon_over(unit: WholeUnit) -> None:
    with_policy(unit)
    unit.bench.clock.step_utc(20 * 86_400)


def policy_forged(unit: WholeUnit) -> None:
    policies = with_policy(unit)
    blob = bytearray(policies.file.read_bytes())
    blob[len(blob) // 2] ^= 1
    policies.file.write_bytes(bytes(blob))


def policy_older(unit: WholeUnit) -> None:
    policies = with_policy(unit)
    policies.take(replace(policies.policy, version=policies.policy.version + 1))
    policies.offer(policies.policy)


def audit_log_changed(unit: WholeUnit) -> None:
    policies = with_policy(unit)
    policies.take(replace(policies.policy, version=policies.policy.version + 1))
    log = policies.store.audit_log
    log.write_bytes(log.read_bytes().replace(b"policy", b"polity", 1))


def own_models(unit: WholeUnit) -> Path:
    folder = unit.bench.directory / "models"
    folder.mkdir()
    for file in (*MODELS.glob("*.json"), *MODELS.glob("*.tflite")):
        shutil.copy(file, folder)
    unit.configure(f'[models]\ndirectory = "{folder}"\n')
    return folder


def model_damaged(unit: WholeUnit) -> None:
    file = own_models(unit) / "detector.tflite"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    unit.running.discard("reader")


def card_lost(unit: WholeUnit) -> None:
    (own_models(unit) / "recogniser.json").unlink()
    unit.running.discard("reader")


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


def link_down(unit: WholeUnit) -> None:
    unit.uplink["link"] = {"connected": False, "detail": "no answer", "since_s": 7200.0}
    unit.uplink["outbox"]["access"] = {"waiting": 9000, "sent": 0, "oldest_age_s": 40 * 3600.0}


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


FAULTS: list[tuple[Callable[[WholeUnit], None], str]] = [
    (unknown_key, "config"),
    (no_configuration, "config"),
    (no_time_source, "clock-source"),
    (woke_up_in_1970, "clock-date"),
    (not_synchronised, "clock-sync"),
    (error_bound_too_wide, "clock-sync"),
    (clock_far_off, "clock-offset"),
    (clock_was_set, "clock-steps"),
    (weak_supply, "power"),
    (too_hot, "temperature"),
    (frequency_capped, "throttling"),
    (worn_emmc, "disk-wear"),
    (file_system_errors, "disk-errors"),
    (sign_key_lost, "sign-key"),
    (sign_key_open, "sign-key"),
    (sign_pub_of_another, "sign-pub"),
    (tls_key_lost, "tls-key"),
    (certificate_of_another_unit, "certificate"),
    (certificate_of_another_fleet, "certificate"),
    (certificate_over, "certificate-dates"),
    (certificate_soon_over, "certificate-dates"),
    (key_strayed, "recipient-keys"),
    (policy_over, "policy"),
    (policy_soon_over, "policy"),
    (policy_forged, "policy-offered"),
    (policy_older, "policy-offered"),
    (audit_log_changed, "policy-trace"),
    (model_damaged, "model-detector"),
    (card_lost, "model-recogniser"),
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


def test_nothing_is_wrong_with_the_whole_unit_and_hardly_anything_unchecked(unit: WholeUnit) -> None:
    lines = unit.examine()
    verdicts = {line.condition.code: line.finding.verdict for line in lines}
    assert {code: verdict for code, verdict in verdicts.items() if verdict is not Verdict.OK} == {}


@pytest.mark.parametrize(
    ("inject", "code"), FAULTS, ids=[f"{code}:{inject.__name__}" for inject, code in FAULTS]
)
def test_the_root_cause_is_named_and_nothing_else(
    unit: WholeUnit, inject: Callable[[WholeUnit], None], code: str
) -> None:
    inject(unit)
    assert list(unit.wrong()) == [code]


@pytest.mark.parametrize("of", ["another authority", "another name"])
def test_a_broker_that_is_not_ours(tmp_path: Path, of: str) -> None:
    unit = make_whole_unit(tmp_path)
    other = Authority.create(tmp_path / "other", "otherfleet", SystemClock())
    how = {"authority": other} if of == "another authority" else {}
    with broker(unit, name="broker.example" if of == "another name" else "127.0.0.1", **how):
        link_down(unit)
        assert list(unit.wrong()) == ["broker-tls"]


def test_at_least_40_faults_are_tried_on_most_conditions() -> None:
    assert len(FAULTS) >= 40
    assert len({code for _, code in FAULTS}) >= 40


def test_json_of_it_is_what_scripts_get(unit: WholeUnit) -> None:
    broker_down(unit)
    found = {line.condition.code: line.finding for line in unit.examine()}
    assert found["uplink-link"].because == "broker-port"
    assert found["outbox-backlog"].because == "broker-port"
    assert json.dumps({code: one.measured for code, one in found.items()})
