"""A broker with the listener for enrolment: what it keeps, and who may do what at which of its ports."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from anpr_edge.cli.fleet import main as workshop
from anpr_edge.errors import UsageError
from anpr_edge.seal.enrolment import broker_password
from anpr_edge.uplink.clientnames import enrol_user
from tests.integration.bareclient import (
    NO_ANSWER,
    NO_SUBSCRIBERS,
    NOT_AUTHORIZED,
    SUCCESS,
    BareClient,
    bare_client,
)
from tests.integration.enrolling import FEED, HOST, EnrolmentSite, make_enrolment_site

pytestmark = pytest.mark.broker
ENROLLING, UNIT, ROOT = "unit-0001", "unit-0002", "anpr/v1/demo"
READS, CENTRES = f"{ROOT}/{UNIT}/reads/{FEED}", f"{ROOT}/+/reads/{FEED}"
OWN, OTHERS, AS_A_UNIT = (f"{ROOT}/{name}" for name in (ENROLLING, UNIT, enrol_user(ENROLLING)))
TAKEN = (SUCCESS, NO_SUBSCRIBERS)


def certified(site: EnrolmentSite, name: str, **shown: str) -> AbstractContextManager[BareClient]:
    """A client at the broker's own port, with the certificate of this name."""
    return bare_client(HOST, site.port, site.credentials(name).context(), name, **shown)


def sent(site: EnrolmentSite, *reads: bytes) -> list[int]:
    """What the broker answers to a unit's reads."""
    with certified(site, UNIT) as unit:
        return [unit.publish(READS, read) for read in reads]


def fetched(site: EnrolmentSite, count: int) -> list[bytes]:
    """What a centre gets that comes back; it subscribes the first time, when it has no session yet."""
    with certified(site, "centre") as centre:
        if not centre.session:
            centre.subscribe(CENTRES)
        return [read for _, read in centre.hears(count, within_s=5.0)]


@pytest.mark.parametrize("restarted", [False, True])
def test_reads_wait_for_a_centre_that_is_away(tmp_path: Path, restarted: bool) -> None:
    site = make_enrolment_site(tmp_path)
    with site.broker():
        assert fetched(site, 0) == []
        assert sent(site, b"1", b"2") == [SUCCESS, SUCCESS]
        if not restarted:
            assert fetched(site, 2) == [b"1", b"2"]
    if restarted:
        with site.broker():
            assert sent(site, b"3") == [SUCCESS]
            assert fetched(site, 3) == [b"1", b"2", b"3"]


@dataclass(frozen=True)
class Running:
    """A broker that runs, and what one unit's token makes its password."""

    site: EnrolmentSite
    password: str

    @property
    def trust(self) -> ssl.SSLContext:
        """TLS of a client without a certificate."""
        return ssl.create_default_context(cafile=str(self.site.home / "demo/authority/ca.crt"))

    def enrolling(
        self, user: str, password: str, client_id: str = "enrol"
    ) -> AbstractContextManager[BareClient]:
        """A client at the port for enrolment."""
        return bare_client(HOST, self.site.enrol_port, self.trust, client_id, user=user, password=password)

    def unit(self, client_id: str = "enrol") -> AbstractContextManager[BareClient]:
        """The unit that the token is for."""
        return self.enrolling(enrol_user(ENROLLING), self.password, client_id)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    site = make_enrolment_site(tmp_path_factory.mktemp("site"))
    ticket = json.loads((site.pole("pole", ENROLLING).keys / "enrol.json").read_text())
    with site.broker():
        yield Running(site, broker_password(bytes.fromhex(ticket["token"])))


@pytest.mark.parametrize(
    "topic",
    [
        *(f"{OWN}/{kind}" for kind in ("enrol/reply", f"reads/{FEED}", "status", "health", "reply/netcheck")),
        *(f"{AS_A_UNIT}/{kind}" for kind in ("enrol/request", f"reads/{FEED}", "status", "health", "policy")),
        *(f"{OTHERS}/{kind}" for kind in ("enrol/request", "enrol/reply", "status", f"ack/{FEED}")),
        f"{ROOT}/enrol./enrol/request",
    ],
)
def test_a_password_writes_its_units_request_and_nothing_else(running: Running, topic: str) -> None:
    with running.unit() as client:
        assert client.publish(f"{OWN}/enrol/request") in TAKEN
        assert client.publish(topic) == NOT_AUTHORIZED


def test_a_password_reads_its_units_answer_and_nothing_else(running: Running) -> None:
    site = running.site
    with running.unit() as client:
        for topic in ("#", "$SYS/#", f"{AS_A_UNIT}/#", f"{OTHERS}/#"):
            client.subscribe(topic)
        assert sent(site, b"a read")[0] in TAKEN
        with certified(site, "centre") as centre:
            assert centre.publish(f"{OTHERS}/ack/{FEED}") in TAKEN
            assert centre.publish(f"{AS_A_UNIT}/ack/{FEED}") in TAKEN
        with certified(site, "enroller") as enroller:
            assert enroller.publish(f"{OTHERS}/enrol/reply") in TAKEN
            assert enroller.publish(f"{OWN}/enrol/reply", b"yours") in TAKEN
        assert client.hears(2, within_s=1.0) == [(f"{OWN}/enrol/reply", b"yours")]


@pytest.mark.parametrize(
    "user", ["", ENROLLING, UNIT, "centre", "enroller", "enrol.", enrol_user(UNIT), enrol_user("centre")]
)
def test_a_password_is_good_for_its_units_enrolling_name_alone(running: Running, user: str) -> None:
    with running.enrolling(user, running.password) as client:
        assert client.connected == NOT_AUTHORIZED


@pytest.mark.parametrize("password", ["", "0" * 64])
def test_a_wrong_password_is_none(running: Running, password: str) -> None:
    with running.enrolling(enrol_user(ENROLLING), password) as client:
        assert client.connected == NOT_AUTHORIZED


def test_a_password_takes_over_no_other_clients_session(running: Running) -> None:
    site = running.site
    with certified(site, "centre") as centre:
        centre.subscribe(CENTRES)
        with running.unit(client_id="centre") as stranger:
            assert stranger.publish(f"{OWN}/enrol/request") in TAKEN
        assert sent(site, b"while it is there") == [SUCCESS]
        assert centre.hears(1) == [(READS, b"while it is there")]
    with running.unit(client_id="centre") as stranger:
        assert sent(site, b"while it is away") == [SUCCESS]
        assert stranger.hears(1, within_s=0.5) == []
    assert fetched(site, 1) == [b"while it is away"]


def test_a_password_comes_into_its_own_session_whatever_id_it_shows(running: Running) -> None:
    for client_id in ("enrol", "another"):
        with running.unit(client_id) as unit:
            assert unit.connected == SUCCESS
    assert unit.session


def test_a_certificate_is_good_for_nothing_at_the_port_for_enrolment(running: Running) -> None:
    site = running.site
    context = site.credentials("centre").context()
    with bare_client(HOST, site.enrol_port, context, "centre") as client:
        assert client.connected == NOT_AUTHORIZED


def test_a_password_alone_is_good_for_nothing_at_the_brokers_own_port(running: Running) -> None:
    user = enrol_user(ENROLLING)
    with bare_client(
        HOST, running.site.port, running.trust, "enrol", user=user, password=running.password
    ) as client:
        assert client.connected == NO_ANSWER


def test_a_certificate_with_a_password_is_its_own_name_and_no_other(running: Running) -> None:
    shown = {"user": enrol_user(ENROLLING), "password": running.password}
    with certified(running.site, UNIT, **shown) as client:
        assert client.publish(f"{OTHERS}/status") in TAKEN
        assert client.publish(f"{OWN}/enrol/request") == NOT_AUTHORIZED


def test_no_certificate_has_an_enrolling_name(running: Running) -> None:
    with pytest.raises(UsageError, match=r"enrol\.unit-0001"):
        running.site.credentials(enrol_user(ENROLLING))


def test_a_revoked_client_is_refused_and_units_may_still_enrol(tmp_path: Path) -> None:
    site = make_enrolment_site(tmp_path)
    assert workshop(["revoke", "centre", "--fleet-dir", str(tmp_path / "demo")]) == 0
    with site.broker():
        with certified(site, "centre") as centre, certified(site, UNIT) as unit:
            assert (centre.connected, unit.connected) == (NO_ANSWER, SUCCESS)
        machine = site.pole("pole", ENROLLING)
        assert site.enrol(machine) == 1
        assert site.serve() == 0
        assert site.enrol(machine) == 0


def test_when_every_token_is_used_up_the_broker_still_starts(tmp_path: Path) -> None:
    site = make_enrolment_site(tmp_path)
    for record in (tmp_path / "demo/tokens").iterdir():
        record.unlink()
    with site.broker(), certified(site, "centre") as centre:
        assert centre.connected == SUCCESS
