"""The fleet's authority: what it signs, and what it refuses to sign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.fleet.authority import Authority, Issued, check_server
from tests.fakes import FakeClock


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "authority", "demo", FakeClock())


def request_for(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    return request.public_bytes(Encoding.PEM)


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_a_request_becomes_a_client_certificate_that_the_authority_vouches_for(authority: Authority) -> None:
    certificate = x509.load_pem_x509_certificate(authority.issue_csr(request_for("unit-0001"), "unit-0001"))

    assert common_name(certificate) == "unit-0001"
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.cert_pem))
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_a_request_for_another_name_is_refused(authority: Authority) -> None:
    with pytest.raises(KeyFileError, match="asks for unit-0002, expected unit-0001"):
        authority.issue_csr(request_for("unit-0002"), "unit-0001")


@pytest.mark.parametrize("pem", [b"", b"not a request", request_for("unit-0001")[:120]])
def test_a_malformed_request_is_refused(authority: Authority, pem: bytes) -> None:
    with pytest.raises(KeyFileError, match="malformed"):
        authority.issue_csr(pem, "unit-0001")


def test_a_request_with_a_key_that_tls_peers_may_lack_is_refused(authority: Authority) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "unit-0001")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, None)
    with pytest.raises(KeyFileError, match="P-256"):
        authority.issue_csr(request.public_bytes(Encoding.PEM), "unit-0001")


@pytest.mark.parametrize("host", ["127.0.0.1", "broker.example"])
def test_a_server_certificate_names_its_host(authority: Authority, host: str) -> None:
    certificate = x509.load_pem_x509_certificate(authority.issue_server(host).cert_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = [str(v) for kind in (x509.IPAddress, x509.DNSName) for v in names.get_values_for_type(kind)]
    assert found == [host]


def test_a_consumer_gets_a_key_that_belongs_to_its_certificate(authority: Authority) -> None:
    issued = authority.issue_client("charging")
    certificate = x509.load_pem_x509_certificate(issued.cert_pem)
    key = load_pem_private_key(issued.key_pem, None)
    assert key.public_key() == certificate.public_key()
    assert "PRIVATE" not in repr(issued)


def test_certificates_are_dated_by_the_clock_it_was_given(tmp_path: Path) -> None:
    clock = FakeClock()
    certificate = x509.load_pem_x509_certificate(Authority.create(tmp_path, "demo", clock).cert_pem)
    now = datetime.fromtimestamp(clock.now().utc_ns / 1e9, UTC)
    assert certificate.not_valid_before_utc == now - timedelta(hours=1)
    assert certificate.not_valid_after_utc == now + timedelta(days=3650)


def test_the_private_key_is_its_owners_alone(authority: Authority, tmp_path: Path) -> None:
    assert (tmp_path / "authority" / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_second_authority_never_overwrites_the_first(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="already holds an authority"):
        Authority.create(tmp_path / "authority", "demo", FakeClock())


def test_a_loaded_authority_signs_as_before(authority: Authority, tmp_path: Path) -> None:
    loaded = Authority.load(tmp_path / "authority", FakeClock())
    certificate = x509.load_pem_x509_certificate(loaded.issue_csr(request_for("unit-0001"), "unit-0001"))
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.cert_pem))


def test_loading_says_which_folder_holds_no_authority(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="no usable authority"):
        Authority.load(tmp_path, FakeClock())


def test_files_of_two_authorities_are_not_mixed(authority: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Authority.create(other, "demo", FakeClock())
    (other / "ca.crt").write_bytes(authority.cert_pem)
    with pytest.raises(KeyFileError, match="do not belong together"):
        Authority.load(other, FakeClock())


def test_it_knows_its_fleet(authority: Authority, tmp_path: Path) -> None:
    assert Authority.load(tmp_path / "authority", FakeClock()).fleet == authority.fleet == "demo"


@pytest.mark.parametrize("name", ["Bad Name", "", "Demo", "a/b", "-demo", "x" * 33, "enrol.unit-0001"])
def test_what_a_configuration_would_refuse_is_no_fleet_or_unit(
    authority: Authority, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="cannot be a fleet's or unit's name"):
        Authority.create(tmp_path / "other", name, FakeClock())
    with pytest.raises(UsageError, match="cannot be a fleet's or unit's name"):
        authority.issue_csr(request_for(name or "x"), name)
    assert not (tmp_path / "other").exists()


def test_a_consumer_and_a_host_need_possible_names(authority: Authority) -> None:
    for name in ("a/b", "enrol.unit-0001", "enrol."):
        with pytest.raises(UsageError, match="consumer's name"):
            authority.issue_client(name)
    with pytest.raises(UsageError, match="no host name or IP address"):
        authority.issue_server("https://broker.example")


def test_a_server_certificate_is_known_by_its_authority(authority: Authority) -> None:
    issued = authority.issue_server("broker.example")
    check_server(x509.load_pem_x509_certificate(authority.cert_pem), issued.cert_pem, issued.key_pem)


@pytest.mark.parametrize(
    ("whose", "words"),
    [
        ("another fleet's", "not from the authority of fleet demo"),
        ("a client's", "not a server's"),
        ("another key's", "do not belong together"),
        ("no", "not PEM"),
    ],
)
def test_a_server_certificate_that_clients_would_refuse(
    authority: Authority, tmp_path: Path, whose: str, words: str
) -> None:
    issued = {
        "another fleet's": Authority.create(tmp_path / "o", "other", FakeClock()).issue_server("b.example"),
        "a client's": authority.issue_client("centre"),
        "another key's": authority.issue_server("b.example"),
        "no": Issued(b"", b""),
    }[whose]
    key = authority.issue_server("b.example").key_pem if whose == "another key's" else issued.key_pem
    with pytest.raises(KeyFileError, match=words):
        check_server(x509.load_pem_x509_certificate(authority.cert_pem), issued.cert_pem, key)
