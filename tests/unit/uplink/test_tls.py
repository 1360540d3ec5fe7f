"""What is wrong with a client's files is said before dialling, and a failed dial is put in plain words."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.authority import Authority
from anpr_edge.uplink.tls import Credentials, SettingNames, explain


@pytest.fixture
def files(tmp_path: Path) -> Credentials:
    authority = Authority.create(tmp_path / "authority", "testfleet", SystemClock())
    issued = authority.issue_client("unit-0001")
    credentials = Credentials(tmp_path / "ca.crt", tmp_path / "tls.crt", tmp_path / "tls.pem")
    credentials.ca_file.write_bytes(authority.cert_pem)
    credentials.cert_file.write_bytes(issued.cert_pem)
    credentials.key_file.write_bytes(issued.key_pem)
    return credentials


def test_nothing_below_tls_1_3_is_spoken_and_the_name_is_checked(files: Credentials) -> None:
    context = files.context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_the_secret_name_is_of_this_private_key_alone(files: Credentials, tmp_path: Path) -> None:
    name = files.secret_name()
    assert files.secret_name() == name
    assert len(name) == 32
    files.key_file.write_bytes(
        Authority.load(tmp_path / "authority", SystemClock()).issue_client("x").key_pem
    )
    assert files.secret_name() != name


@pytest.mark.parametrize("missing", ["ca.crt", "tls.crt", "tls.pem"])
def test_a_missing_file_is_named(files: Credentials, tmp_path: Path, missing: str) -> None:
    (tmp_path / missing).unlink()
    with pytest.raises(UplinkError, match=missing):
        files.context()


def test_a_trust_file_without_a_certificate_is_named(files: Credentials) -> None:
    files.ca_file.write_text("nothing\n")
    with pytest.raises(UplinkError, match=r"ca\.crt: holds no certificate"):
        files.context()


def test_a_key_of_another_certificate_is_named(files: Credentials, tmp_path: Path) -> None:
    other = Authority.load(tmp_path / "authority", SystemClock()).issue_client("unit-0002")
    files.key_file.write_bytes(other.key_pem)
    with pytest.raises(UplinkError, match="not a certificate and its own unencrypted key"):
        files.context()


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired (_ssl.c:1)",
            "broker's certificate has expired",
        ),
        (
            "[SSL] certificate verify failed: Hostname mismatch, certificate is not valid for 'x'",
            "for another name",
        ),
        (
            "[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert certificate expired",
            "our certificate has expired",
        ),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca", "does not trust the authority"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "does not speak TLS"),
        ("[Errno 111] Connection refused", "nothing listens there"),
        ("[Errno -2] Name or service not known", "cannot be resolved"),
        ("the broker closed the connection: Session taken over", "another client uses our name"),
    ],
)
def test_a_failure_is_explained_and_quoted(words: str, meaning: str) -> None:
    said = explain(words)
    assert meaning in said
    assert words in said


def test_a_failure_names_the_settings_as_its_reader_knows_them() -> None:
    words = "certificate verify failed: self-signed certificate"
    assert "check broker.ca_file (" in explain(words)
    centre = SettingNames(host="--host", port="--port", ca="--ca", cert="--cert")
    assert "check --ca (" in explain(words, centre)


def test_what_is_not_known_is_only_quoted() -> None:
    assert explain("gremlins") == "gremlins"
