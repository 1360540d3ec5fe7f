"""Keys under a passphrase: opened by this and by OpenSSL with the right one, by nobody with another."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from anpr_edge.errors import KeyFileError
from anpr_edge.seal import keyfile
from anpr_edge.seal.keys import SigningKey

RIGHT = "correct horse battery"


def test_a_signing_key_comes_back_with_its_passphrase_alone(tmp_path: Path) -> None:
    path, key = tmp_path / "key.pem", SigningKey.generate()
    key.save(path, RIGHT.encode())
    asked: list[Path] = []

    def ask(file: Path) -> bytes:
        asked.append(file)
        return RIGHT.encode()

    assert SigningKey.load(path, ask).public == key.public
    assert asked == [path]
    with pytest.raises(KeyFileError, match=r"key\.pem: wrong passphrase"):
        SigningKey.load(path, lambda _: b"correct horse batter")
    with pytest.raises(KeyFileError, match="under a passphrase, which cannot be given here"):
        SigningKey.load(path)


def test_an_open_key_asks_for_nothing(tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "key.pem")

    def ask(_: Path) -> bytes:
        raise AssertionError("nobody should be asked")

    assert SigningKey.load(tmp_path / "key.pem", ask).public == key.public


def test_openssl_opens_it_and_names_the_derivation(tmp_path: Path) -> None:
    path, key = tmp_path / "ca.key", ec.generate_private_key(ec.SECP256R1())
    keyfile.save_protected(path, key, RIGHT.encode())
    tool = ["openssl", "pkey", "-in", str(path), "-noout", "-passin"]
    assert subprocess.run([*tool, f"pass:{RIGHT}"], check=False, capture_output=True).returncode == 0
    assert subprocess.run([*tool, "pass:another"], check=False, capture_output=True).returncode != 0
    shown = subprocess.run(
        ["openssl", "asn1parse", "-in", str(path)], capture_output=True, text=True, check=True
    )
    assert ":scrypt" in shown.stdout
    assert ":aes-256-cbc" in shown.stdout
