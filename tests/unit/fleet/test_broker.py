"""The broker's files say who may do what, and nothing that cannot be a name gets into them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError, UsageError
from anpr_edge.fleet.broker import (
    ACCESS_FILE,
    Listener,
    find_mosquitto,
    free_port,
    running_mosquitto,
    write_mosquitto,
)


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    return Listener(free_port(), tmp_path / "ca.crt", tmp_path / "tls.crt", tmp_path / "tls.pem")


def test_units_and_consumers_have_their_own_topics_only(tmp_path: Path, listener: Listener) -> None:
    config = write_mosquitto(tmp_path, "london", listener, {"charging": ["charging"], "police": ["police"]})
    rules = config.with_name(ACCESS_FILE).read_text().split("\n\n")
    units, charging, police = rules
    assert "pattern write anpr/v1/london/%u/reads/+" in units
    assert "#" not in units.replace("# %u", "")
    assert charging.splitlines()[:3] == [
        "user charging",
        "topic read anpr/v1/london/+/reads/charging",
        "topic write anpr/v1/london/+/ack/charging",
    ]
    assert "charging" not in police


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
