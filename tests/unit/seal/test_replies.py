"""A unit's signed reply, and who is not believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import KeyFileError, SealError
from anpr_edge.fleet.authority import Authority
from anpr_edge.seal.certificates import Certificate, read_certificate
from anpr_edge.seal.commands import Command, sign_command
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seal.replies import LONGEST_BYTES, ReplySigner, open_reply

SAID = {"schema": 1, "says": "here"}


def signer(folder: Path, authority: Authority, name: str) -> ReplySigner:
    issued = authority.issue_client(name)
    key, certificate = folder / f"{name}.pem", folder / f"{name}.crt"
    key.write_bytes(issued.key_pem)
    key.chmod(0o600)
    certificate.write_bytes(issued.cert_pem)
    return ReplySigner(key, certificate)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "authority", "demo", SystemClock())


@pytest.fixture
def trusted(tmp_path: Path, authority: Authority) -> Certificate:
    return read_certificate(tmp_path / "authority" / "ca.crt")


def test_only_the_units_own_reply_is_believed(
    tmp_path: Path, authority: Authority, trusted: Certificate
) -> None:
    blob = signer(tmp_path, authority, "unit-0001").reply(SAID)
    assert open_reply(blob, trusted, "unit-0001") == SAID
    with pytest.raises(SealError, match="not signed by unit unit-0002"):
        open_reply(blob, trusted, "unit-0002")
    stranger = Authority.create(tmp_path / "other", "demo", SystemClock())
    (tmp_path / "stranger").mkdir()
    with pytest.raises(SealError, match="not signed by unit unit-0001"):
        open_reply(signer(tmp_path / "stranger", stranger, "unit-0001").reply(SAID), trusted, "unit-0001")


def test_any_changed_byte_is_refused(tmp_path: Path, authority: Authority, trusted: Certificate) -> None:
    blob = signer(tmp_path, authority, "unit-0001").reply(SAID)
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 1
        with pytest.raises(SealError):
            open_reply(bytes(changed), trusted, "unit-0001")


def test_nothing_else_passes_for_a_reply(trusted: Certificate) -> None:
    command = sign_command(Command("demo", (), (), 1, bytes(16), 1, 2, "ping"), SigningKey.generate())
    for blob in (command, b"", b"\x00", bytes(LONGEST_BYTES + 1)):
        with pytest.raises(SealError):
            open_reply(blob, trusted, "unit-0001")


def test_a_key_signs_under_its_own_certificate_alone(tmp_path: Path, authority: Authority) -> None:
    signer(tmp_path, authority, "unit-0001")
    signer(tmp_path, authority, "unit-0002")
    with pytest.raises(KeyFileError, match="for another key"):
        ReplySigner(tmp_path / "unit-0001.pem", tmp_path / "unit-0002.crt")


def test_a_reply_too_long_is_not_made(tmp_path: Path, authority: Authority) -> None:
    with pytest.raises(SealError, match="at most"):
        signer(tmp_path, authority, "unit-0001").reply({"schema": 1, "says": "x" * LONGEST_BYTES})
