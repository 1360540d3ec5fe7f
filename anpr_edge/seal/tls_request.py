"""The unit's TLS key, and the request that asks the fleet's authority for a certificate.

ECDSA P-256, which every TLS 1.3 peer has to offer. Source: RFC 8446 §9.1.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from anpr_edge.errors import KeyFileError

OTHERS_MAY = 0o077


class TlsKey:
    """The private key that proves the unit to the broker."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> TlsKey:
        """A new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, path: Path) -> TlsKey:
        """The key kept in `path`.

        Raises: KeyFileError when it is missing, malformed, of the wrong kind or readable by others.
        """
        try:
            if path.stat().st_mode & OTHERS_MAY:
                raise KeyFileError(
                    f"{path}: others than its owner may use this key", hint=f"chmod 600 {path}"
                )
            key = load_pem_private_key(path.read_bytes(), None)
        except OSError as error:
            raise KeyFileError(f"{path}: cannot read the TLS key: {error.strerror}") from error
        except (ValueError, TypeError):
            raise KeyFileError(f"{path}: not a private key in PEM without a pass phrase") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise KeyFileError(f"{path}: not an ECDSA P-256 key")
        return cls(key)

    def save(self, path: Path) -> None:
        """Write the key to a new file that only its owner can read, from its first byte on."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(descriptor)

    def request(self, unit: str) -> bytes:
        """A certificate request (PKCS#10, PEM) for the name `unit`."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unit)])
        return (
            x509.CertificateSigningRequestBuilder()
            .subject_name(name)
            .sign(self._key, SHA256())
            .public_bytes(Encoding.PEM)
        )

    def made(self, request_pem: bytes) -> bool:
        """Whether a certificate request is for this key."""
        return _parsed(request_pem).public_key() == self._key.public_key()


def requested_name(request_pem: bytes) -> str:
    """The name a certificate request asks for.

    Raises: KeyFileError when it is not a certificate request.
    """
    names = _parsed(request_pem).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _parsed(request_pem: bytes) -> x509.CertificateSigningRequest:
    try:
        return x509.load_pem_x509_csr(request_pem)
    except ValueError:
        raise KeyFileError("not a certificate request in PEM") from None
