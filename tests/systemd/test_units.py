"""systemd accepts the units, finds them tightly shut, and lays out users, folders and keys as needed."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import stat
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
from annotated_types import Le

from anpr_edge.bundlefile import TICKET_FILE
from anpr_edge.config.model import Camera, UpdateSettings
from anpr_edge.daemon.keeping import RETRY_S
from anpr_edge.daemon.reader import TRIES_AFTER_STOP
from anpr_edge.daemon.uplinkd import POLL_S
from anpr_edge.durable import WIPED
from anpr_edge.errors import ConfigError
from anpr_edge.firstboot.places import Places
from anpr_edge.uplink.connection import ANSWER_WITHIN_S

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = ("anpr-edge-reader.service", "anpr-edge-uplink.service")
FIRST = ("anpr-edge-provision.service", "anpr-edge-enrol.service")
INSTALLED = "/opt/anpr-edge/venv/bin/anpr-edge"
EXPOSURE_LIMIT = 15  # tenths on systemd-analyze's scale from 0 (shut) to 100 (open)

LOOSER: dict[str, int] = {
    "anpr-edge-console.service": 85,  # a technician's hands: aims, mounts sticks, stops services
    "anpr-edge-health-gate.service": 33,  # tells the system manager to reboot, writes the firmware's file
    "anpr-edge-update.service": 35,  # reads what RAUC wrote back from the block devices
    "anpr-edge-trial-end.service": 97,  # a shell and systemctl, which must work where nothing else does
}
"""The limit of a unit whose work does not fit into so tight a sandbox, with the reason beside it."""

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def setting(service: str, section: str, key: str) -> str:
    """The last value of a key in a unit file; for keys that are given once."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / service)
    return unit[section][key]


def setting_of_all(service: str, key: str) -> list[str]:
    """Every word of every line of a key that may be given several times."""
    lines = re.findall(rf"^{key}=(.+)$", (UNITS / service).read_text(), re.M)
    return [word for line in lines for word in line.split()]


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    program = tmp_path / "anpr-edge"
    program.symlink_to("/bin/true")
    kinds = ("*.service", "*.target", "*.timer", "*.path")
    for unit in [found for kind in kinds for found in UNITS.glob(kind)]:
        (tmp_path / unit.name).write_text(unit.read_text().replace(INSTALLED, str(program)))
    checked = run("systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("anpr-edge*.*")))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("service", sorted(unit.name for unit in UNITS.glob("*.service")))
def test_the_sandbox_is_tight(service: str) -> None:
    checked = run(
        "systemd-analyze",
        "security",
        "--offline=true",
        f"--threshold={LOOSER.get(service, EXPOSURE_LIMIT)}",
        "--no-pager",
        UNITS / service,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_an_unusable_configuration_does_not_restart_for_ever(service: str) -> None:
    assert setting(service, "Service", "RestartPreventExitStatus") == str(ConfigError.exit_code)


@pytest.mark.parametrize("service", [*SERVICES, *FIRST])
def test_memory_with_plates_in_it_never_reaches_a_disk(service: str) -> None:
    assert setting(service, "Service", "LimitCORE") == "0"
    assert setting(service, "Service", "MemorySwapMax") == "0"


def test_no_wait_that_is_right_is_longer_than_systemd_has_patience() -> None:
    reader, uplink = SERVICES
    assert float(setting(uplink, "Service", "WatchdogSec")) > ANSWER_WITHIN_S + POLL_S
    rules = Camera.model_fields["stall_after_s"].metadata
    (longest_stall_s,) = [float(str(rule.le)) for rule in rules if isinstance(rule, Le)]
    assert float(setting(reader, "Service", "TimeoutStopSec")) > longest_stall_s + TRIES_AFTER_STOP * RETRY_S


def test_what_sees_plates_has_no_network_and_what_has_the_network_no_devices() -> None:
    reader, uplink = SERVICES
    assert setting(reader, "Service", "PrivateNetwork") == "yes"
    assert setting(reader, "Service", "RestrictAddressFamilies") == "AF_UNIX"
    assert setting(uplink, "Service", "PrivateDevices") == "yes"
    assert setting(uplink, "Service", "InaccessiblePaths") == (
        "-/var/lib/anpr-edge/keys/sign.pem -/var/lib/anpr-edge/keys/open.pem"
    )


def test_a_bundle_is_taken_before_anything_works_by_it() -> None:
    provision, enrol = FIRST
    assert {*SERVICES, enrol} == set(setting(provision, "Unit", "Before").split())
    assert setting(provision, "Service", "PrivateNetwork") == "yes"
    assert setting(provision, "Service", "Type") == "oneshot"
    places = Places()
    conditions = re.findall(r"^ConditionPathExistsGlob=\|(.+)$", (UNITS / provision).read_text(), re.M)
    examples = [places.card / "u.bundle", places.card / "u.crt", places.pending]
    for path in (*examples, places.pending.with_name(f"{places.pending.name}{WIPED}")):
        assert any(fnmatch(str(path), condition) for condition in conditions), path
    for service in SERVICES:  # what they may write is not what a root process goes on with
        open_to_it = [Path(place.lstrip("-")) for place in setting_of_all(service, "ReadWritePaths")]
        assert not any(places.work.is_relative_to(place) for place in open_to_it)
    writable = setting(provision, "Service", "ReadWritePaths").split()
    for path in (places.config_file, places.anchor, places.hostname, places.pending, places.record):
        assert any(path.is_relative_to(place) for place in map(Path, writable)), path


def test_enrolling_has_the_network_and_not_the_signing_key() -> None:
    _, enrol = FIRST
    assert setting(enrol, "Service", "PrivateDevices") == "yes"
    assert setting(enrol, "Service", "CapabilityBoundingSet") == ""
    assert "keys/sign.pem" in setting(enrol, "Service", "InaccessiblePaths")
    waits = setting(enrol, "Unit", "ConditionPathExists")
    assert waits == str(Places().state / "keys" / TICKET_FILE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other users")
def test_users_folders_and_keys_are_laid_out(tmp_path: Path) -> None:
    keys = tmp_path / "var/lib/anpr-edge/keys"
    keys.mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    for name in ("sign.pem", "sign.pub", "open.pem", "tls.pem", "tls.crt"):
        (keys / name).touch()
    (keys.parent / "outbox.db").touch()

    users = run("systemd-sysusers", f"--root={tmp_path}", UNITS / "anpr-edge.sysusers.conf")
    assert users.returncode == 0, users.stderr
    layout = run("systemd-tmpfiles", f"--root={tmp_path}", "--create", UNITS / "anpr-edge.tmpfiles.conf")
    assert (layout.returncode, layout.stderr) == (0, "")

    ids = user_ids(tmp_path / "etc/passwd")
    assert owner_and_mode(keys / "sign.pem") == (ids["anpr-reader"], 0o600)
    assert owner_and_mode(keys / "open.pem") == (ids["anpr-reader"], 0o600)
    assert owner_and_mode(keys / "tls.pem") == (ids["anpr-uplink"], 0o600)
    assert owner_and_mode(keys / "sign.pub") == (0, 0o644)
    assert owner_and_mode(keys / "tls.crt") == (0, 0o644)
    assert owner_and_mode(keys) == (0, 0o750)
    assert owner_and_mode(keys.parent / "outbox.db") == (0, 0o660)
    assert owner_and_mode(keys.parent) == (0, 0o2770)
    assert owner_and_mode(tmp_path / "run/anpr-edge") == (0, 0o3775)


def user_ids(passwd: Path) -> dict[str, int]:
    entries = (line.split(":") for line in passwd.read_text().splitlines())
    return {entry[0]: int(entry[2]) for entry in entries}


def owner_and_mode(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_uid, stat.S_IMODE(state.st_mode)


def test_the_menu_takes_the_screen_only_where_nobody_can_log_in() -> None:
    """A Conflicts= would end the login on the screen even where the condition does not hold."""
    condition = setting("anpr-edge-console.service", "Unit", "ConditionPathIsSymbolicLink")
    assert condition == "/etc/systemd/system/getty@.service"
    text = (UNITS / "anpr-edge-console.service").read_text()
    assert "Conflicts=" not in text
    assert "Wants=anpr-edge-console.service\n" in (UNITS / "anpr-edge.target").read_text()


def minutes(value: str) -> int:
    return int(value.removesuffix("min"))


def test_a_gate_has_its_time_and_the_end_of_a_trial_comes_after_it() -> None:
    rules = UpdateSettings.model_fields["gate_minutes"].metadata
    (longest,) = [float(str(rule.le)) for rule in rules if isinstance(rule, Le)]
    given = minutes(setting("anpr-edge-health-gate.service", "Service", "TimeoutStartSec"))
    assert longest < given < minutes(setting("anpr-edge-trial-end.timer", "Timer", "OnBootSec"))


@pytest.mark.parametrize(("cell", "ends"), [(b"\0\0\0\1", True), (b"\0\0\0\0", False), (None, False)])
def test_a_trial_is_ended_by_the_shell_alone_and_only_on_trial(
    tmp_path: Path, cell: bytes | None, ends: bool
) -> None:
    condition = setting("anpr-edge-trial-end.service", "Service", "ExecCondition")
    shell, option, script = shlex.split(condition.replace("$$", "$"))
    place = "/proc/device-tree/chosen/bootloader"
    assert place in script
    if cell is not None:
        (tmp_path / "tryboot").write_bytes(cell)
    done = run(shell, option, script.replace(place, str(tmp_path)))
    assert (done.returncode == 0) is ends
    assert 0 <= done.returncode < 255, "systemd skips the rest for 1 to 254, and fails for 255"


def test_the_services_cannot_write_what_updates_go_by() -> None:
    for service in SERVICES:
        unit = (UNITS / service).read_text()
        assert re.search(r"^ReadOnlyPaths=.*/var/lib/anpr-edge/update$", unit, re.MULTILINE)
    reader, uplink = ((UNITS / service).read_text() for service in SERVICES)
    assert "update/incoming" not in reader
    assert "ReadWritePaths=-/var/lib/anpr-edge/update/incoming\n" in uplink
