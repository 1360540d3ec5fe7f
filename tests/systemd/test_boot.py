"""The services under a real systemd: they start, they are shut in, they are watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.systemd import machine

MISSING = machine.missing()

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"booting a machine needs {MISSING}"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the probe found inside one boot."""
    return machine.boot(tmp_path_factory.mktemp("boot"), Path(__file__).parent / "probe.py")


def test_both_services_start_at_the_first_try_and_nothing_is_wrong(facts: dict[str, Any]) -> None:
    assert (facts["reader_restarts"], facts["uplink_restarts"]) == ("0", "0")
    bad = {
        finding["code"]: finding["measured"]
        for finding in facts["doctor"]["findings"]
        if finding["verdict"] not in ("ok", "absent") and finding["because"] != "clock-sync"
    }
    for code in ("clock-sync", "rtc", "board-watchdog"):
        bad.pop(code, None)  # those of the machine that runs the tests
    assert bad == {}
    told = {finding["code"]: finding["verdict"] for finding in facts["doctor"]["findings"]}
    assert told["service-restarts"] == "ok"


def test_the_reader_has_no_network_and_no_privilege(facts: dict[str, Any]) -> None:
    assert facts["reader_interfaces"] == ["lo"]
    assert int(facts["reader_capabilities"], 16) == 0


def test_each_service_has_its_own_key_and_not_the_others(facts: dict[str, Any]) -> None:
    assert facts["reader_opens_sign.pem"]
    assert facts["uplink_opens_tls.pem"]
    assert facts["uplink_opens_sign.pub"]
    assert not facts["uplink_opens_sign.pem"]
    assert not facts["reader_opens_tls.pem"]


@pytest.mark.parametrize("service", ["reader", "uplink"])
def test_neither_can_put_other_keys_or_another_configuration_in_place(
    facts: dict[str, Any], service: str
) -> None:
    assert not facts[f"{service}_moves_keys"]
    assert not facts[f"{service}_writes_configuration"]


def test_the_uplink_has_no_camera(facts: dict[str, Any]) -> None:
    assert facts["reader_sees_the_camera"]
    assert not facts["uplink_sees_the_camera"]
    assert "video" not in facts["uplink_groups"]


def test_a_reader_stopped_at_work_has_kept_every_read_it_counted(facts: dict[str, Any]) -> None:
    stopped = facts["stopped_reader"]
    assert stopped["result"] == "success"
    assert stopped["committed"] > 0
    assert stopped["numbered"] == stopped["committed"]


def test_a_hung_reader_is_killed_and_started_again(facts: dict[str, Any]) -> None:
    assert "Watchdog timeout" in facts["hung_reader"]


def test_an_unusable_configuration_ends_the_service_for_good(facts: dict[str, Any]) -> None:
    assert facts["misconfigured"] == ["failed", "78", "0"]
