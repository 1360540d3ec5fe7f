"""Faults of what a unit is made of: configuration, clock, board, disk, keys, policy, models."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.provision import FeedPlan
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.update.record import Phase, Record, Recorder
from tests.unit.diag.consequences import Fault, link_down, nothing_is_read
from tests.unit.diag.fake_pi import CHRONY
from tests.unit.diag.test_policy_check import PolicyBench
from tests.unit.diag.whole_unit import WholeUnit

MODELS = find_models_directory()
NO_SOURCE = CHRONY.replace("Normal", "Not synchronised")


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


def which_system_starts_is_lost(unit: WholeUnit) -> None:
    (unit.slots.layout.boot_dir / "autoboot.txt").write_bytes(bytes(100))


def update_that_came_back(unit: WholeUnit) -> None:
    slots, utc_ns = unit.slots, unit.bench.clock.now().utc_ns
    record = Record(Phase.ROLLED_BACK, "1.1.0", "1.0.0", "B").now(Phase.ROLLED_BACK, utc_ns, "no frames")
    Recorder(slots.layout.state_dir, unit.bench.state_dir).write(record, utc_ns)


def update_on_trial(unit: WholeUnit) -> None:
    unit.slots.store.change(lambda slots: slots.set_primary("B"))
    unit.slots.flag.touch()
    unit.slots.start()


FAULTS: list[Fault] = [
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
    (which_system_starts_is_lost, "update-state"),
    (update_that_came_back, "update-state"),
    (update_on_trial, "update-state"),
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
]
