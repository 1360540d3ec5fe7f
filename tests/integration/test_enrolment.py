"""A unit without a certificate fetches one over MQTT with its bundle's token: once, and nobody else."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.auditlog import read_audit
from anpr_edge.cli.fleet import main as workshop
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.enroller import Desk, log_file
from anpr_edge.fleet.filing import write_all
from anpr_edge.fleet.keysfolder import KeysFolder
from anpr_edge.fleet.tokens import read_token, token_file
from anpr_edge.seal.enrolment import EnrolmentRequest, broker_password, make_token, sign_request
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.uplink.clientnames import enrol_user
from anpr_edge.uplink.enrol import Answer, Asker
from anpr_edge.uplink.link import LinkOptions
from anpr_edge.uplink.tls import TrustOnly
from tests.bundles import Machine
from tests.integration.enrolling import EnrolmentSite, make_enrolment_site

pytestmark = pytest.mark.broker

CLOCK = SystemClock()


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> EnrolmentSite:
    made = make_enrolment_site(tmp_path)
    monkeypatch.chdir(tmp_path / "demo")
    capsys.readouterr()
    return made


def test_a_unit_and_its_workshop_need_not_be_there_at_the_same_time(
    site: EnrolmentSite, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = site.pole("pole")
    assert site.enrol(machine) == 1  # no network, or no broker
    assert "nothing listens there" in capsys.readouterr().err
    with site.broker():
        capsys.readouterr()
        assert site.enrol(machine) == 1
        assert "the request is left there, and nobody has answered" in capsys.readouterr().err
        assert site.serve() == 0
        verify_key = VerifyKey.load(machine.keys / "sign.pub").text
        said = capsys.readouterr()
        assert said.out.startswith("unit-0001  enrolled  ")
        assert f"units add unit-0001 {verify_key}" in said.err
        assert site.enrol(machine) == 0
    assert (machine.keys / "tls.crt").read_bytes() == site.folder.certificate_file("unit-0001").read_bytes()
    assert not (machine.keys / "enrol.json").exists()
    assert [e["event"] for e in read_audit(machine.state / "audit.log").entries] == [
        "provisioned",
        "enrolled",
    ]
    assert site.enrol(machine) == 1
    assert "no token to enrol with" in capsys.readouterr().err


def test_a_unit_fetches_its_answer_from_a_broker_that_was_configured_again(
    site: EnrolmentSite, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, copy = site.pole("pole"), site.pole("copy")
    with site.broker():
        assert site.enrol(machine) == 1
        assert site.serve() == 0
    with site.broker():
        capsys.readouterr()
        assert site.enrol(copy) == 1  # its password is the same, and the answer is for another key
        assert "nobody has answered" in capsys.readouterr().err
        assert site.enrol(machine) == 0, capsys.readouterr().err
    assert (machine.keys / "tls.crt").read_bytes() == site.folder.certificate_file("unit-0001").read_bytes()
    assert not (copy.keys / "tls.crt").exists()


def test_the_broker_forgets_a_token_whose_time_is_over_and_a_retired_units(
    site: EnrolmentSite, capsys: pytest.CaptureFixture[str]
) -> None:
    token = read_token(site.folder, "unit-0001")
    assert token is not None
    write_all({token_file(site.folder, "unit-0001"): replace(token, until_utc_s=1).dump()})
    known = (site.configure() / "enrol.passwd").read_text()
    assert (enrol_user("unit-0001") in known, enrol_user("unit-0002") in known) == (False, True)
    assert "1 token is good at port" in capsys.readouterr().err
    assert workshop(["unit", "retire", "unit-0002", "--fleet-dir", str(site.home / "demo")]) == 0
    assert (site.configure() / "enrol.passwd").read_text() == ""


def test_a_token_gives_one_certificate_and_a_copy_of_the_bundle_none(
    site: EnrolmentSite, capsys: pytest.CaptureFixture[str]
) -> None:
    first, copy = site.pole("pole"), site.pole("copy")
    with site.broker():
        assert site.enrol(first) == 1
        assert site.serve() == 0
        assert site.enrol(copy) == 1
        assert site.serve() == 1
        capsys.readouterr()
        assert site.enrol(copy) == 1
        assert "refused: this token was used already, for another request" in capsys.readouterr().err
        assert site.enrol(first) == 1  # the answer to the copy is no answer to this one
        assert site.serve() == 0  # the true unit's own request is answered again
        assert site.enrol(first) == 0
    assert not (copy.keys / "tls.crt").exists()
    assert site.events()[:2] == [("unit-0001", "enrolled"), ("unit-0001", "enrolment-refused")]
    assert len(site.folder.unit("unit-0001").serials) == 1


def test_a_wrong_token_does_not_even_reach_the_workshop(
    site: EnrolmentSite, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = site.pole("pole")
    ticket = json.loads((machine.keys / "enrol.json").read_text())
    (machine.keys / "enrol.json").write_text(json.dumps(ticket | {"token": make_token().hex()}))
    with site.broker():
        assert site.enrol(machine) == 1
        assert "the broker refuses us: Not authorized" in capsys.readouterr().err
        assert site.serve() == 0
    assert not log_file(site.folder).exists()


def ask(site: EnrolmentSite, machine: Machine, about: str, **changes: Any) -> Answer:
    """Ask about a unit with the token of unit-0001, on the enrolment listener."""
    token = bytes.fromhex(json.loads((machine.keys / "enrol.json").read_text())["token"])
    options = LinkOptions(
        "localhost",
        site.enrol_port,
        TrustOnly(machine.keys / "ca.crt"),
        "test",
        user=enrol_user("unit-0001"),
        password=broker_password(token),
    )
    return Asker(replace(options, **changes), "demo", about, "0" * 64, CLOCK).run(b"request", 2.0)


def test_a_token_writes_under_its_own_units_name_alone(site: EnrolmentSite) -> None:
    machine = site.pole("pole")
    with site.broker():
        assert "stopped" in ask(site, machine, "unit-0001").why
        assert "Not authorized" in ask(site, machine, "unit-0002").why
        assert "refuses us" in ask(site, machine, "unit-0002", user=enrol_user("unit-0002")).why
        assert "refuses us" in ask(site, machine, "unit-0001", user="", password="").why


@pytest.fixture
def desk(site: EnrolmentSite) -> Desk:
    keys = KeysFolder(site.home / "demo-keys")
    return Desk(site.folder, keys.authority(site.folder, CLOCK), CLOCK)


def request_of(machine: Machine, token: bytes | None = None, unit: str = "unit-0001") -> bytes:
    ticket = json.loads((machine.keys / "enrol.json").read_text())
    request = EnrolmentRequest(
        "demo", unit, (machine.keys / "tls.csr").read_bytes(), VerifyKey.load(machine.keys / "sign.pub")
    )
    return sign_request(request, token or bytes.fromhex(ticket["token"]))


def test_what_the_token_did_not_sign_is_refused_and_entered(site: EnrolmentSite, desk: Desk) -> None:
    machine, other = site.pole("pole"), site.pole("other", "unit-0002")
    good = request_of(machine)
    bad = {
        "another token's": request_of(machine, make_token()),
        "another unit's": request_of(other, unit="unit-0002"),
        "for another unit": request_of(machine, unit="unit-0002"),
        "changed": good[:-1] + bytes([good[-1] ^ 1]),
        "too long": good + bytes(9000),
        "nothing": b"",
    }
    for what, blob in bad.items():
        assert desk.answer("unit-0001", blob).event == "enrolment-refused", what
    assert desk.answer("unit-0009", good).why == "no such unit, or it is retired"
    assert len(site.events()) == len(bad) + 1
    assert desk.answer("unit-0001", good).event == "enrolled"


def test_an_expired_token_is_refused(site: EnrolmentSite, desk: Desk) -> None:
    machine = site.pole("pole")
    token = read_token(site.folder, "unit-0001")
    assert token is not None
    write_all({token_file(site.folder, "unit-0001"): replace(token, until_utc_s=1).dump()})
    assert desk.answer("unit-0001", request_of(machine)).why == "this token has expired"
    assert not site.folder.certificate_file("unit-0001").exists()


def test_a_request_that_asks_again_gets_the_same_certificate(site: EnrolmentSite, desk: Desk) -> None:
    machine = site.pole("pole")
    first, again = (desk.answer("unit-0001", request_of(machine)) for _ in range(2))
    assert (first.event, again.event) == ("enrolled", "answered-again")
    assert first.reply == again.reply


def test_a_workshop_whose_power_goes_before_it_signs_signs_that_request_and_no_other(
    site: EnrolmentSite, desk: Desk
) -> None:
    machine, copy = site.pole("pole"), site.pole("copy")
    token = read_token(site.folder, "unit-0001")
    assert token is not None
    asked = hashlib.sha256((machine.keys / "tls.csr").read_bytes()).hexdigest()
    write_all({token_file(site.folder, "unit-0001"): replace(token, used_by=asked).dump()})
    assert desk.answer("unit-0001", request_of(copy)).event == "enrolment-refused"
    assert desk.answer("unit-0001", request_of(machine)).event == "enrolled"


def test_a_broker_that_goes_away_is_met_again(
    site: EnrolmentSite, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, other = site.pole("pole"), site.pole("other", "unit-0002")
    arguments = [
        sys.executable,
        "-m",
        "anpr_edge.cli.fleet",
        "enrol",
        "--serve",
        "--home",
        "../clients/enroller",
    ]
    with site.broker():
        server = subprocess.Popen(
            [*arguments, "--idle", "20"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert server.stderr is not None
        assert "answering requests" in server.stderr.readline()
        assert site.enrol(other, 20) == 0
    assert "units add unit-0002" in server.stderr.readline()
    assert "connecting again" in server.stderr.readline()
    with site.broker():
        assert site.enrol(machine, 20) == 0
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0


def test_a_retired_units_token_is_good_for_nothing(site: EnrolmentSite, desk: Desk) -> None:
    machine = site.pole("pole")
    assert workshop(["unit", "retire", "unit-0001", "--fleet-dir", str(site.home / "demo")]) == 0
    assert desk.answer("unit-0001", request_of(machine)).event == "enrolment-refused"
