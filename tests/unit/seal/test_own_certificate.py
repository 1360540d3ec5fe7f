"""A certificate for minutes, made in memory, that OpenSSL takes from there."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from anpr_edge.aim.tls import server_context
from anpr_edge.devices.clock import SystemClock
from anpr_edge.seal.own_certificate import OwnCertificate, make_own_certificate


@pytest.fixture(scope="module")
def own() -> OwnCertificate:
    addresses = ["192.0.2.2", "::1", "localhost"]
    return make_own_certificate("anpr-edge aim", addresses, SystemClock(), timedelta(hours=1))


def test_it_is_for_its_addresses_and_soon_over(own: OwnCertificate) -> None:
    certificate = x509.load_pem_x509_certificate(own.cert_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["192.0.2.2", "::1", "localhost"]
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert certificate.not_valid_after_utc < now + timedelta(hours=2)


def test_its_fingerprint_is_what_browsers_show(own: OwnCertificate) -> None:
    der = ssl.PEM_cert_to_DER_cert(own.cert_pem.decode())
    assert own.sha256.replace(":", "").lower() == hashlib.sha256(der).hexdigest()


def test_every_one_has_a_key_of_its_own(own: OwnCertificate) -> None:
    other = make_own_certificate("anpr-edge aim", ["::1"], SystemClock(), timedelta(hours=1))
    assert other.key_pem != own.key_pem
    assert b"PRIVATE" not in repr(own).encode()


def test_openssl_takes_it_and_speaks_tls_1_3_alone(own: OwnCertificate) -> None:
    assert server_context(own).minimum_version is ssl.TLSVersion.TLSv1_3
