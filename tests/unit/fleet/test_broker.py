"""The broker's files say who may do what, and nothing that cannot be a name gets into them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import KeyFileError, UplinkError, UsageError
from anpr_edge.fleet.authority import Authority, write_private
from anpr_edge.fleet.broker import (
    ACCESS_FILE,
    BROKER_USER,
    CA_FILE,
    CERT_FILE,
    KEY_FILE,
    SERVICE_FILE,
    STATE_DIR,
    Listener,
    find_mosquitto,
    free_port,
    install_commands,
    pack_mosquitto,
    running_mosquitto,
    write_mosquitto,
)
from anpr_edge.fleet.enrollistener import add_enrolment
from anpr_edge.fleet.tokens import new_token


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(free_port(), tmp_path / "ca.crt", tmp_path / "tls.crt", tmp_path / "tls.pem")


def test_a_watcher_reads_no_feed_and_writes_nothing(tmp_path: Path, listener: Listener) -> None:
    config = write_mosquitto(tmp_path, "london", listener, {"charging": ["charging"], "monitor": []})
    _, _, watcher = config.with_name(ACCESS_FILE).read_text().split("\n\n")
    assert watcher.splitlines() == [
        "user monitor",
        "topic read anpr/v1/london/+/ack/+",
        "topic read anpr/v1/london/+/status",
        "topic read anpr/v1/london/+/health",
        "topic read anpr/v1/london/+/policy",
    ]


def test_units_and_consumers_have_their_own_topics_only(tmp_path: Path, listener: Listener) -> None:
    config = write_mosquitto(tmp_path, "london", listener, {"charging": ["charging"], "police": ["police"]})
    rules = config.with_name(ACCESS_FILE).read_text().split("\n\n")
    units, charging, police = rules
    assert "pattern write anpr/v1/london/%u/reads/+" in units
    assert "#" not in units.replace("# %u", "")
    assert charging.splitlines()[:3] == [
        "user charging",
        "topic read anpr/v1/london/+/reads/charging",
        "topic readwrite anpr/v1/london/+/ack/charging",
    ]
    assert "charging" not in police


def test_a_commander_writes_commands_and_reads_replies_and_no_more(
    tmp_path: Path, listener: Listener
) -> None:
    config = write_mosquitto(tmp_path, "london", listener, {"charging": ["charging"]}, ["control"])
    *_, control = config.with_name(ACCESS_FILE).read_text().split("\n\n")
    assert control.splitlines() == [
        "user control",
        "topic write anpr/v1/london/+/cmd/+",
        "topic read anpr/v1/london/+/reply/+",
        "topic read anpr/v1/london/+/status",
    ]
    with pytest.raises(UsageError):
        write_mosquitto(tmp_path, "london", listener, {}, ["control\ntopic read #"])


def test_clients_need_a_certificate_and_tls_1_3(tmp_path: Path, listener: Listener) -> None:
    lines = write_mosquitto(tmp_path, "london", listener, {}).read_text().splitlines()
    for line in (
        "tls_version tlsv1.3",
        "require_certificate true",
        "use_identity_as_username true",
        "allow_anonymous false",
        "max_queued_messages 0",
        "persistence true",
    ):
        assert line in lines


def test_the_access_list_is_its_owners_alone(tmp_path: Path, listener: Listener) -> None:
    access = write_mosquitto(tmp_path, "london", listener, {}).with_name(ACCESS_FILE)
    assert stat.S_IMODE(access.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("fleet", "consumers"),
    [
        ("lon/don", {}),
        ("london", {"police\ntopic read #": ["police"]}),
        ("london", {"police": ["#"]}),
        ("london", {"enrol.unit-0001": ["police"]}),
        ("+", {}),
    ],
)
def test_what_is_no_name_is_refused(
    tmp_path: Path, listener: Listener, fleet: str, consumers: dict[str, list[str]]
) -> None:
    with pytest.raises(UsageError, match="cannot name"):
        write_mosquitto(tmp_path, fleet, listener, consumers)


def test_without_mosquitto_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("anpr_edge.fleet.broker.SYSTEM_PATHS", "/nowhere")
    with pytest.raises(UplinkError) as missing:
        find_mosquitto()
    assert "apt-get install mosquitto" in missing.value.hint


@pytest.mark.broker
def test_a_broker_that_cannot_start_says_why_in_its_own_words(tmp_path: Path, listener: Listener) -> None:
    config = write_mosquitto(tmp_path, "london", listener, {})
    with (
        pytest.raises(UplinkError, match=r"ca\.crt"),
        running_mosquitto(config, listener, SystemClock()),
    ):
        pass


@pytest.fixture
def issued(tmp_path: Path) -> Listener:
    """A listener whose certificate and key are real."""
    authority = Authority.create(tmp_path / "authority", "demo", SystemClock())
    server = authority.issue_server("127.0.0.1")
    listener = Listener(
        free_port(), tmp_path / "authority/ca.crt", tmp_path / "host.crt", tmp_path / "host.pem"
    )
    listener.cert_file.write_bytes(server.cert_pem)
    write_private(listener.key_file, server.key_pem)
    (tmp_path / "crl.pem").write_bytes(authority.revocation_list(()))
    return replace(listener, crl_file=tmp_path / "crl.pem")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_packed_broker_names_no_place_of_the_workshop(tmp_path: Path, issued: Listener) -> None:
    folder = tmp_path / "broker"
    pack_mosquitto(folder, "demo", issued, {"centre": ["charging"]}, Path("/etc/mosquitto/anpr"))
    texts = [file.read_text() for file in folder.iterdir()]
    assert not [text for text in texts if str(tmp_path) in text]
    lines = (folder / "mosquitto.conf").read_text().splitlines()
    assert "acl_file /etc/mosquitto/anpr/access.acl" in lines
    assert "keyfile /etc/mosquitto/anpr/server.pem" in lines
    assert "crlfile /etc/mosquitto/anpr/crl.pem" in lines
    assert "persistence_location /etc/mosquitto/anpr/state/" in lines
    service = (folder / SERVICE_FILE).read_text()
    assert "-c /etc/mosquitto/anpr/mosquitto.conf" in service
    assert "ExecReload=" in service.splitlines(), "a reload would cost an absent centre its reads"
    assert stat.S_IMODE((folder / "server.pem").stat().st_mode) == 0o600


def test_packing_again_takes_the_new_certificate(tmp_path: Path, issued: Listener) -> None:
    folder = tmp_path / "broker"
    pack_mosquitto(folder, "demo", issued, {})
    issued.cert_file.write_bytes(issued.ca_file.read_bytes())
    pack_mosquitto(folder, "demo", issued, {})
    assert (folder / "server.crt").read_bytes() == issued.ca_file.read_bytes()


def test_without_enrolment_nothing_is_left_of_it(tmp_path: Path, issued: Listener) -> None:
    folder = tmp_path / "broker"
    pack_mosquitto(folder, "demo", issued, {})
    _, token = new_token("unit-0001", 2**40)
    add_enrolment(folder, "demo", issued, tokens=[token], enrollers=["enroller"])
    assert "enrol.passwd" in " ".join(install_commands(folder))
    (folder / "enrol.acl").write_text("user enroller\n")  # of an earlier version
    pack_mosquitto(folder, "demo", issued, {})
    assert not list(folder.glob("enrol.*"))
    assert "enrol." not in " ".join(install_commands(folder)) + (folder / "mosquitto.conf").read_text()


def test_a_file_that_is_not_there_is_named(tmp_path: Path, listener: Listener) -> None:
    with pytest.raises(KeyFileError, match=r"ca\.crt: No such file"):
        pack_mosquitto(tmp_path / "broker", "demo", listener, {})


def test_without_an_address_it_listens_on_both_families(tmp_path: Path) -> None:
    everywhere = Listener(8883, tmp_path / "ca", tmp_path / "crt", tmp_path / "key", "")
    assert "listener 8883" in write_mosquitto(tmp_path, "demo", everywhere, {}).read_text().splitlines()


@pytest.mark.broker
@pytest.mark.parametrize("enrolling", [False, True])
def test_an_installed_broker_starts_as_debians_service_starts_it(
    tmp_path: Path, open_folder: Path, issued: Listener, enrolling: bool
) -> None:
    """Started by root it becomes mosquitto's own user, who has to be able to read and write all it needs."""
    folder, place = tmp_path / "broker", open_folder / "anpr"
    config = place / pack_mosquitto(folder, "demo", issued, {"centre": ["charging"]}, place).name
    if enrolling:
        there = Listener(free_port(), place / CA_FILE, place / CERT_FILE, place / KEY_FILE)
        _, token = new_token("unit-0001", 2**40)
        add_enrolment(folder, "demo", there, tokens=[token], enrollers=["enroller"], installed_at=place)
    script = "\n".join(install_commands(folder, place)).replace("sudo ", "")
    if os.geteuid() != 0:
        script = script.replace(f"-o {BROKER_USER} -g {BROKER_USER}", "")
    subprocess.run(["sh", "-ec", script], check=True)
    with running_mosquitto(config, issued, SystemClock(), as_service=True):
        pass
    assert (place / STATE_DIR / "mosquitto.db").exists()
    log = config.with_suffix(".log").read_text()
    assert "Error saving" not in log
    assert "Unable to" not in log
