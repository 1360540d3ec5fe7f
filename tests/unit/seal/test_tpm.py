"""Keys in a TPM: they sign and give out as they should, and nowhere else."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from anpr_edge.errors import KeyFileError, SignerUnavailable
from anpr_edge.seal import envelope, tpm, wire
from anpr_edge.seal.keys import SigningKey
from tests.software_tpm import SoftwareTpm, software_tpm
from tests.unit.seal.samples import HEADER, READ
from tests.vectors.keys import recipient


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[SoftwareTpm]:
    with software_tpm(tmp_path / "chip") as running:
        yield running


@pytest.fixture
def key_file(chip: SoftwareTpm, tmp_path: Path) -> Path:
    tpm.make_signing_key(chip.place, tmp_path / "sign.pem")
    return tmp_path / "sign.pem"


def test_a_read_signed_in_the_tpm_is_verified_and_opened(chip: SoftwareTpm, key_file: Path) -> None:
    with closing(tpm.load_signing_key(key_file, chip.place)) as key:
        assert key.public.text.startswith("p256:")
        for _ in range(20):  # of two forms of a signature the TPM gives either
            blob = envelope.seal(wire.encode_read(READ), HEADER, [recipient().public], key)
            sealed = envelope.parse(blob)
            sealed.verify(key.public)
            assert wire.decode_read(sealed.open(recipient())).plate_text == READ.plate_text


def test_the_key_stays_the_same_over_a_restart_of_the_chip(chip: SoftwareTpm, key_file: Path) -> None:
    with closing(tpm.load_signing_key(key_file, chip.place)) as key:
        before = key.public
    chip.stop()
    chip.start()
    with closing(tpm.load_signing_key(key_file, chip.place)) as key:
        assert key.public == before
        assert before.verify(key.sign(b"data"), b"data")


def test_what_lies_on_the_disk_is_of_no_use_without_the_chip(
    chip: SoftwareTpm, key_file: Path, tmp_path: Path
) -> None:
    """Neither as a private key, nor in another TPM."""
    with pytest.raises(ValueError, match=r".+"):
        load_pem_private_key(key_file.read_bytes(), password=None)
    chip.stop()
    with software_tpm(tmp_path / "thief") as other, pytest.raises(KeyFileError, match="refuses it"):
        tpm.load_signing_key(key_file, other.place)


def test_a_chip_that_does_not_answer_can_be_asked_again(chip: SoftwareTpm, key_file: Path) -> None:
    with closing(tpm.load_signing_key(key_file, chip.place)) as key:
        chip.stop()
        for _ in range(2):
            with pytest.raises(SignerUnavailable, match="does not sign"):
                key.sign(b"data")
        chip.start()
        assert key.public.verify(key.sign(b"data"), b"data")


def test_a_sealed_secret_comes_back_from_its_own_chip_alone(chip: SoftwareTpm, tmp_path: Path) -> None:
    tpm.seal_secret(chip.place, tmp_path / "open.pem", b"secret of 32 bytes, no more of it")
    assert b"secret" not in (tmp_path / "open.pem").read_bytes()
    assert tpm.unseal_secret(chip.place, tmp_path / "open.pem") == b"secret of 32 bytes, no more of it"
    chip.stop()
    with software_tpm(tmp_path / "thief") as other, pytest.raises(KeyFileError, match="refuses it"):
        tpm.unseal_secret(other.place, tmp_path / "open.pem")


def test_the_file_is_its_owners_alone_and_never_overwritten(chip: SoftwareTpm, key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    with pytest.raises(KeyFileError, match="never overwritten"):
        tpm.make_signing_key(chip.place, key_file)
    key_file.chmod(0o644)
    with pytest.raises(KeyFileError, match="mode 0644"):
        tpm.load_signing_key(key_file, chip.place)


def test_a_sealed_secret_is_no_signing_key(chip: SoftwareTpm, tmp_path: Path) -> None:
    tpm.seal_secret(chip.place, tmp_path / "open.pem", b"secret")
    with pytest.raises(KeyFileError, match="not an P-256 signing key"):
        tpm.load_signing_key(tmp_path / "open.pem", chip.place)


def test_where_the_tpm_is_has_to_be_said(chip: SoftwareTpm, key_file: Path) -> None:
    with pytest.raises(KeyFileError, match="nothing says in which") as refused:
        tpm.load_signing_key(key_file, None)
    assert refused.value.hint == 'unit.tpm = "/dev/tpmrm0"'
    with pytest.raises(KeyFileError, match="no TPM answers"):
        tpm.load_signing_key(key_file, "/dev/no-such-tpm")


def test_a_file_that_only_looks_like_one_is_refused(chip: SoftwareTpm, key_file: Path) -> None:
    key_file.write_bytes(tpm.PEM_BEGIN + b"\nAAAA\n-----END TSS2 PRIVATE KEY-----\n")
    with pytest.raises(KeyFileError, match="not an TSS2 PRIVATE KEY"):
        tpm.load_signing_key(key_file, chip.place)


def test_a_key_in_memory_needs_no_tpm(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path / "sign.pem")
    assert isinstance(tpm.load_signing_key(tmp_path / "sign.pem", None), SigningKey)


def test_the_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sign.pem"
    file.write_bytes(tpm.PEM_BEGIN)
    file.chmod(0o600)
    monkeypatch.setitem(sys.modules, "tpm2_pytss", None)
    monkeypatch.setitem(sys.modules, "tpm2_pytss.tsskey", None)
    with pytest.raises(KeyFileError, match="tpm2-pytss is not installed"):
        tpm.load_signing_key(file, "/dev/tpmrm0")
