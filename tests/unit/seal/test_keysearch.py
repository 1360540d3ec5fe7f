"""A recipient's private key is found however it was put down, and nothing else is taken for one."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from anpr_edge.seal.keys import SigningKey
from anpr_edge.seal.keysearch import LARGEST_BYTES, public_halves
from tests.vectors.keys import recipient, seed_of


def pem_of(name: str, folder: Path) -> bytes:
    recipient(name).save(folder / "saved.pem")
    return (folder / "saved.pem").read_bytes()


def der_of(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


@pytest.mark.parametrize("name", ["recipient one", "hybrid one"])
@pytest.mark.parametrize(
    "written",
    [
        lambda pem, secret: pem,
        lambda pem, secret: b"notes\r\n\r\n" + pem.replace(b"\n", b"\r\n") + b"more\n",
        lambda pem, secret: der_of(pem),
        lambda pem, secret: secret,
        lambda pem, secret: f"key = {secret.hex()}\n".encode(),
        lambda pem, secret: b"key=" + base64.b64encode(secret) + b"\n",
        lambda pem, secret: b'{"key": "' + base64.urlsafe_b64encode(secret).rstrip(b"=") + b'"}',
    ],
    ids=["pem", "pem in a note", "der", "bytes", "hex", "base64", "base64url"],
)
def test_it_is_found(tmp_path: Path, name: str, written: object) -> None:
    assert callable(written)
    file = tmp_path / "file"
    file.write_bytes(written(pem_of(name, tmp_path), seed_of(name)))
    assert recipient(name).public in list(public_halves(file))


def test_every_key_of_a_bundle_is_found(tmp_path: Path) -> None:
    names = ["recipient one", "hybrid one", "recipient two"]
    blocks = []
    for number, name in enumerate(names):
        (tmp_path / str(number)).mkdir()
        blocks.append(pem_of(name, tmp_path / str(number)))
    (tmp_path / "bundle").write_bytes(b"".join(blocks))
    found = list(public_halves(tmp_path / "bundle"))
    assert all(recipient(name).public in found for name in names)


def test_other_files_hold_none(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path / "sign.pem")
    (tmp_path / "text").write_text("no key at all\n")
    (tmp_path / "huge").write_bytes(pem_of("recipient one", tmp_path) + bytes(LARGEST_BYTES))
    for name in ("sign.pem", "text", "huge", "missing"):
        assert list(public_halves(tmp_path / name)) == []
