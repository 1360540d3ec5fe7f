"""New certificates while the uplink runs, and broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.daemon.wiring_uplink import examiner
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import Authority
from anpr_edge.uplink import wallet
from anpr_edge.uplink.mqtt import MqttUplink
from anpr_edge.uplink.tls import Credentials
from tests.fakes import FakeClock
from tests.integration.conftest import UNIT, Site
from tests.integration.helpers import link_states, make_uplink, within

pytestmark = pytest.mark.broker

EXAMINE = examiner(UNIT, SystemClock())


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallet, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr("anpr_edge.uplink.mqtt.RENEW_WITHIN_S", 0.5)


def certificate(uplink: MqttUplink) -> dict[str, object]:
    state = uplink.state()["certificate"]
    assert isinstance(state, dict)
    return state


def put(files: Credentials, authority: Authority, name: str = UNIT, *, key: bool = True) -> None:
    issued = authority.issue_client(name)
    files.cert_file.write_bytes(issued.cert_pem)
    if key:
        files.key_file.write_bytes(issued.key_pem)


def of_days_ago(site: Site, days: float) -> Authority:
    """The fleet's authority as it was then: what it issues ends that much earlier."""
    then = FakeClock(SystemClock().now().utc_ns)
    then.step_utc(-days * 86_400)
    return Authority.load(site.directory / "authority", then)


def test_a_new_pair_is_used_without_a_restart_and_before_the_old_one_ends(broker: Site) -> None:
    files = broker.credentials(UNIT)
    put(files, of_days_ago(broker, 730 - 1 / 24))  # an hour is left, and was backdated by one
    with make_uplink(broker, examine=EXAMINE) as uplink:
        link_states(uplink, lambda state: state.connected)
        left_days = certificate(uplink)["days_left"]
        assert isinstance(left_days, float)
        assert left_days < 0.1
        put(files, broker.authority)
        (left,) = link_states(uplink, lambda state: not state.connected)
        assert "with a new certificate" in left.detail
        link_states(uplink, lambda state: state.connected)
        told = certificate(uplink)
    assert told["trouble"] == ""
    assert isinstance(told["days_left"], float)
    assert told["days_left"] > 700


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda files, site: files.cert_file.write_text("nothing"), "not a certificate and its own"),
        (lambda files, site: put(files, site.authority, key=False), "not a certificate and its own"),
        (lambda files, site: files.key_file.unlink(), "No such file"),
        (lambda files, site: put(files, site.authority, "unit-0002"), "is for unit-0002"),
        (lambda files, site: put(files, of_days_ago(site, 2000)), "is good from"),
        (
            lambda files, site: put(
                files, Authority.create(site.directory / "stranger", "stranger", SystemClock())
            ),
            "was not issued by",
        ),
    ],
    ids=["no certificate", "of another key", "no key", "of another unit", "out of date", "of another fleet"],
)
def test_a_broken_pair_leaves_the_old_one_in_use_and_is_told(site: Site, spoil, words: str) -> None:  # type: ignore[no-untyped-def]
    files = site.credentials(UNIT)
    with site.broker(), make_uplink(site, examine=EXAMINE) as uplink:
        link_states(uplink, lambda state: state.connected)
        spoil(files, site)
        for _ in within("the trouble is told"):
            if certificate(uplink)["trouble"]:
                break
        assert words in str(certificate(uplink)["trouble"])
        assert not uplink.events(1.0), "the connection stays"
        connection = uplink._connection
        assert connection is not None
        connection.link.drop("by the test")
        link_states(uplink, lambda state: not state.connected)
        link_states(uplink, lambda state: state.connected)
        put(files, site.authority)
        for _ in within("a good pair is taken"):
            if not certificate(uplink)["trouble"]:
                break


def test_without_any_good_pair_the_one_there_is_is_tried(broker: Site, tmp_path: Path) -> None:
    files = broker.credentials(UNIT)
    put(files, of_days_ago(broker, 2000))
    with make_uplink(broker, examine=EXAMINE) as uplink:
        (state,) = link_states(uplink, lambda state: not state.connected)[:1]
    assert "our certificate has expired" in state.detail
