"""Recipients' private keys among files: on a unit there must be none that opens a feed."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from anpr_edge.seal.hpke import SUITES
from anpr_edge.seal.keys import SECRET_BYTES, RecipientKey, RecipientPrivateKey
from anpr_edge.seal.xwing import XWingPrivateKey

LARGEST_BYTES: Final = 256 * 1024
"""A bundle of many keys is smaller than this, and what is larger is no place anybody keeps one."""

_PEM: Final = re.compile(rb"-----BEGIN PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----")
_WORD: Final = re.compile(
    rb"(?<![A-Za-z0-9+/_-])(?:[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)(?![A-Za-z0-9+/_=-])"
)
"""32 bytes in hex or in base64, as people write a key down."""


def public_halves(file: Path) -> Iterator[RecipientKey]:
    """The public half of everything in a file that could be a recipient's private key.

    PKCS#8, in PEM anywhere in the file or in DER, and 32 bytes by themselves, in hex or in base64. A key
    under a password is not seen.

    Raises: OSError when the file cannot be read.
    """
    if not file.is_file() or file.stat().st_size > LARGEST_BYTES:
        return
    content = file.read_bytes()
    for der in (content, *map(base64.b64decode, _PEM.findall(content))):
        key = _private_key(der)
        if key is not None:
            yield key.public
    for secret in _secrets(content):
        yield from (RecipientPrivateKey.from_secret(suite, secret).public for suite in SUITES.values())


def _private_key(der: bytes) -> RecipientPrivateKey | None:
    try:
        key = XWingPrivateKey.from_der(der) or load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return RecipientPrivateKey(key) if isinstance(key, X25519PrivateKey | XWingPrivateKey) else None


def _secrets(content: bytes) -> Iterator[bytes]:
    if len(content) == SECRET_BYTES:
        yield content
    for word in _WORD.findall(content):
        if len(word) == 2 * SECRET_BYTES:
            yield bytes.fromhex(word.decode())
        else:
            yield base64.urlsafe_b64decode(word.rstrip(b"=").translate(bytes.maketrans(b"+/", b"-_")) + b"=")
