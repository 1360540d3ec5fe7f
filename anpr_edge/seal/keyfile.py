"""Private keys on disk: PKCS#8 PEM, mode 0600, never overwritten; under a passphrase where one is given."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from anpr_edge.errors import KeyFileError
from anpr_edge.seal import pkcs8
from anpr_edge.seal.xwing import XWingPrivateKey

Passphrase = Callable[[Path], bytes]
"""Asks for the passphrase of a key file; called only when the file needs one."""

LONGEST_BYTES = 4096
"""A key file is some 120 bytes; whatever is longer than this is something else."""


def read(path: Path) -> bytes:
    """What a key file holds. Raises: KeyFileError when it is missing or readable by others."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read(LONGEST_BYTES)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", hint="make the key, or name where it is") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(
            f"{path}: mode {mode:04o} lets others at a private key, at most 0600",
            hint=f"chmod 600 {path}",
        )
    return pem


def load(path: Path, passphrase: Passphrase | None = None) -> object:
    """The private key at `path`, of whatever kind.

    Raises: KeyFileError when it is missing, readable by others, malformed, or under another passphrase.
    """
    pem = read(path)
    password = _password(path, pem, passphrase)
    try:
        return XWingPrivateKey.from_pem(pem) or load_pem_private_key(pem, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if password is not None:
            raise KeyFileError(f"{path}: wrong passphrase, or damaged", hint="try again") from None
        raise KeyFileError(
            f"{path}: not an unencrypted PKCS#8 PEM private key", hint="make the key again, or restore it"
        ) from None


def _password(path: Path, pem: bytes, passphrase: Passphrase | None) -> bytes | None:
    if not pkcs8.is_encrypted(pem):
        return None
    if passphrase is None:
        raise KeyFileError(
            f"{path}: under a passphrase, which cannot be given here", hint="name a key without one"
        )
    return passphrase(path)


def wrong_kind(path: Path, called: str) -> KeyFileError:
    """The error for a key that is not `called`."""
    return KeyFileError(f"{path}: not an {called} key", hint=f"name the file that holds the {called} key")


def save(
    path: Path, key: X25519PrivateKey | XWingPrivateKey | Ed25519PrivateKey | EllipticCurvePrivateKey
) -> None:
    """Write `key` to the new file `path`, readable by its owner alone.

    Raises: KeyFileError when the file exists or cannot be written.
    """
    pem = (
        key.pem()
        if isinstance(key, XWingPrivateKey)
        else key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    write_new(path, pem)


def save_protected(
    path: Path, key: Ed25519PrivateKey | EllipticCurvePrivateKey, passphrase: bytes | None
) -> None:
    """As `save`, and under a passphrase if one is given. Raises: KeyFileError."""
    if passphrase is None:
        save(path, key)
    else:
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        write_new(path, pkcs8.encrypted_pem(der, passphrase))


def write_new(path: Path, pem: bytes) -> None:
    """Write the new file `path`, readable by its owner alone, and see it to the disk.

    Raises: KeyFileError when the file exists or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyFileError(
            f"{path}: exists, and a key is never overwritten", hint="move it away first"
        ) from None
    except OSError as error:
        raise KeyFileError(
            f"{path}: {error.strerror}", hint="choose a directory that can be written"
        ) from None
