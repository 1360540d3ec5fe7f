"""Certificates of units: enrolled, renewed, revoked, and what the folder remembers of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.enrolment import (
    enrol,
    enrol_all,
    read_request,
    revoke,
    shut_out,
    standings,
    stored_request,
)
from anpr_edge.fleet.folder import FleetFolder, client_file
from anpr_edge.fleet.issuing import now_of
from anpr_edge.fleet.keysfolder import KeysFolder, read_pem
from anpr_edge.fleet.revocation import REASONS, RevokedList
from anpr_edge.fleet.unitrecord import FleetUnit, State
from tests.fakes import FakeClock
from tests.fleet_folders import make_fleet, request_for

NOW = now_of(FakeClock())
STOLEN = REASONS["key-compromise"]


@pytest.fixture
def made(tmp_path: Path) -> tuple[FleetFolder, KeysFolder]:
    fleet, keys = make_fleet(tmp_path, FakeClock())
    fleet.save([FleetUnit("unit-0001"), FleetUnit("unit-0002")])
    return fleet, keys


@pytest.fixture
def fleet(made: tuple[FleetFolder, KeysFolder]) -> FleetFolder:
    return made[0]


@pytest.fixture
def authority(made: tuple[FleetFolder, KeysFolder]) -> Authority:
    return made[1].authority(made[0], FakeClock())


def test_enrolling_is_remembered(fleet: FleetFolder, authority: Authority) -> None:
    request = request_for("unit-0001")
    pem = enrol(fleet, authority, "unit-0001", request)
    unit = fleet.unit("unit-0001")
    assert unit.state is State.ENROLLED
    assert unit.serials == (f"{x509.load_pem_x509_certificate(pem).serial_number:x}",)
    assert fleet.certificate_file("unit-0001").read_bytes() == pem
    assert stored_request(fleet, "unit-0001") == request


def test_renewal_keeps_the_key_and_adds_a_serial(fleet: FleetFolder, authority: Authority) -> None:
    first = enrol(fleet, authority, "unit-0001", request_for("unit-0001"))
    second = enrol(fleet, authority, "unit-0001", stored_request(fleet, "unit-0001"))
    before, after = map(x509.load_pem_x509_certificate, (first, second))
    assert after.public_key() == before.public_key()
    assert fleet.unit("unit-0001").serials == (f"{before.serial_number:x}", f"{after.serial_number:x}")


def test_one_bad_request_and_none_is_signed(fleet: FleetFolder, authority: Authority) -> None:
    good, foreign = request_for("unit-0001"), request_for("unit-0009")
    with pytest.raises(KeyFileError, match="asks for unit-0009, expected unit-0002"):
        enrol_all(fleet, authority, [("unit-0001", good), ("unit-0002", foreign)])
    assert fleet.unit("unit-0001").state is State.PLANNED
    assert not fleet.certificate_file("unit-0001").exists()


def test_who_is_not_there_retired_or_without_a_request(
    fleet: FleetFolder, authority: Authority, tmp_path: Path
) -> None:
    fleet.save([FleetUnit("unit-0003", state=State.RETIRED)])
    for name, words in (("unit-0003", "is retired"), ("unit-0004", "no unit unit-0004")):
        with pytest.raises(UsageError, match=words):
            enrol(fleet, authority, name, request_for(name))
    with pytest.raises(UsageError, match="has no request yet"):
        stored_request(fleet, "unit-0001")
    (tmp_path / "tls.csr").write_bytes(bytes(20_000))
    with pytest.raises(UsageError, match="more than 16384 bytes"):
        read_request(tmp_path / "tls.csr")


def test_revoking_lists_every_certificate_of_the_unit_and_of_no_other(
    fleet: FleetFolder, authority: Authority
) -> None:
    for name in ("unit-0001", "unit-0001", "unit-0002"):
        enrol(fleet, authority, name, request_for(name))
    assert revoke(fleet, authority, fleet.unit("unit-0001"), STOLEN, NOW) == 2
    listed = RevokedList.load(fleet)
    assert listed.serials == frozenset(fleet.unit("unit-0001").serials)
    assert fleet.unit("unit-0001").state is State.PLANNED
    reasons = {
        entry.extensions.get_extension_for_class(x509.CRLReason).value.reason for entry in listed.entries
    }
    assert reasons == {STOLEN}
    assert [(one.unit, one.revoked) for one in standings(fleet)] == [("unit-0002", False)]


def test_a_second_time_keeps_the_first_date(fleet: FleetFolder, authority: Authority) -> None:
    enrol(fleet, authority, "unit-0001", request_for("unit-0001"))
    revoke(fleet, authority, fleet.unit("unit-0001"), STOLEN, NOW)
    later = NOW + timedelta(days=9)
    assert revoke(fleet, authority, fleet.unit("unit-0001"), REASONS["superseded"], later) == 0
    assert [entry.revocation_date_utc for entry in RevokedList.load(fleet).entries] == [NOW]


def test_the_old_ones_alone(fleet: FleetFolder, authority: Authority) -> None:
    for _ in range(3):
        enrol(fleet, authority, "unit-0001", request_for("unit-0001"))
    unit = fleet.unit("unit-0001")
    assert revoke(fleet, authority, unit, REASONS["superseded"], NOW, but_newest=True) == 2
    assert RevokedList.load(fleet).serials == frozenset(unit.serials[:2])
    assert fleet.unit("unit-0001").state is State.ENROLLED


def test_the_list_is_good_for_as_long_as_the_authority(fleet: FleetFolder, authority: Authority) -> None:
    listed = x509.load_pem_x509_crl((fleet.authority_dir / "crl.pem").read_bytes())
    assert listed.next_update_utc == read_pem(fleet.authority_dir / "ca.crt").not_valid_after_utc


def test_a_list_of_another_authority_is_refused(fleet: FleetFolder, tmp_path: Path) -> None:
    other = Authority.create(tmp_path / "other", "other", FakeClock())
    (fleet.authority_dir / "crl.pem").write_bytes(other.revocation_list(()))
    with pytest.raises(KeyFileError, match=r"crl\.pem: not signed by the fleet's authority"):
        RevokedList.load(fleet)
    (fleet.authority_dir / "crl.pem").write_bytes(b"half")
    with pytest.raises(KeyFileError, match="not a list of revoked certificates"):
        RevokedList.load(fleet)


@pytest.mark.parametrize("name", ["centre (copy)", "centre"])
def test_a_stray_file_among_the_clients_certificates_is_named(
    fleet: FleetFolder, authority: Authority, name: str
) -> None:
    stray = client_file(fleet, name)
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"half" if name == "centre" else authority.issue_client("centre").cert_pem)
    with pytest.raises(KeyFileError) as refused:
        list(shut_out(fleet))
    assert str(refused.value).startswith(f"{stray}: ")
    assert refused.value.hint
