"""Private keys under a passphrase: PKCS#8 encrypted with AES-256-CBC, its key derived by scrypt.

The cryptography package reads such files, but writes them with 2,048 rounds of PBKDF2, which cost a thief
with a graphics card next to nothing; scrypt costs each try 16 MiB of memory. OpenSSL 1.1 and later read them.
Source: RFC 5958 §3, RFC 8018 §6.2, RFC 7914 §7.
"""

from __future__ import annotations

import base64
import secrets
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

SCRYPT_N: Final = 2**14
SCRYPT_R: Final = 8
SCRYPT_P: Final = 5
"""Source: OWASP Password Storage Cheat Sheet; N as large as OpenSSL's default memory limit lets it read."""

LABEL: Final = b"ENCRYPTED PRIVATE KEY"
_BLOCK_BYTES, _KEY_BYTES, _SALT_BYTES = 16, 32, 16
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES256_CBC = bytes.fromhex("060960864801650304012a")


def is_encrypted(pem: bytes) -> bool:
    """Whether a PEM text holds a key under a passphrase."""
    return b"-----BEGIN " + LABEL + b"-----" in pem


def encrypted_pem(pkcs8_der: bytes, passphrase: bytes) -> bytes:
    """A private key, PKCS#8 in DER, as PEM that opens with the passphrase alone."""
    salt, start = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_BLOCK_BYTES)
    key = Scrypt(salt, _KEY_BYTES, SCRYPT_N, SCRYPT_R, SCRYPT_P).derive(passphrase)
    padder, encryptor = PKCS7(_BLOCK_BYTES * 8).padder(), Cipher(AES256(key), CBC(start)).encryptor()
    body = encryptor.update(padder.update(pkcs8_der) + padder.finalize()) + encryptor.finalize()
    numbers = b"".join(map(_integer, (SCRYPT_N, SCRYPT_R, SCRYPT_P)))
    derivation = _sequence(_SCRYPT, _sequence(_octets(salt), numbers))
    cipher = _sequence(_AES256_CBC, _octets(start))
    return _pem(_sequence(_sequence(_PBES2, _sequence(derivation, cipher)), _octets(body)))


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\n".join((b"-----BEGIN " + LABEL + b"-----", *lines, b"-----END " + LABEL + b"-----", b""))


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, b"".join(parts))


def _octets(value: bytes) -> bytes:
    return _tagged(0x04, value)


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _tagged(tag: int, value: bytes) -> bytes:
    """Source: X.690 §8.1.3, definite lengths."""
    size = len(value)
    length = bytes([size]) if size < 0x80 else _long(size.to_bytes((size.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + value


def _long(size: bytes) -> bytes:
    return bytes([0x80 | len(size)]) + size
