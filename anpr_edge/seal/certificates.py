"""X.509 certificates as a unit needs to know them: whose, for which key, from whom, how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from anpr_edge.errors import KeyFileError


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. Times are UTC; `public_key` is its SubjectPublicKeyInfo, DER."""

    common_name: str
    not_before: datetime
    not_after: datetime
    public_key: bytes
    parsed: x509.Certificate

    def is_issued_by(self, issuer: Certificate) -> bool:
        """True when `issuer`'s name stands in it and `issuer`'s key signed it."""
        try:
            self.parsed.verify_directly_issued_by(issuer.parsed)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def read_certificate(path: Path) -> Certificate:
    """The first certificate in a PEM file.

    Raises: KeyFileError when the file cannot be read or holds none.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    return parse_certificate(pem, str(path))


def parse_certificate(pem: bytes, where: str) -> Certificate:
    """The first certificate in PEM text; `where` names it in the message.

    Raises: KeyFileError when there is none.
    """
    try:
        return of_parsed(x509.load_pem_x509_certificate(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{where}: not a certificate in PEM form") from error


def of_parsed(parsed: x509.Certificate) -> Certificate:
    """What a unit needs to know of a certificate."""
    names = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        common_name=str(names[0].value) if names else "",
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        public_key=parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        parsed=parsed,
    )


def public_key_of(path: Path) -> bytes:
    """The public half of a private key in a PEM file, as SubjectPublicKeyInfo, DER.

    Raises: KeyFileError when the file cannot be read, is encrypted or holds no private key.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    return public_half(pem, str(path))


def public_half(pem: bytes, where: str) -> bytes:
    """The same, of PEM text; `where` names it in the message. Raises: KeyFileError."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{where}: not an unencrypted private key in PEM form") from error
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
