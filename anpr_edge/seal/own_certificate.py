"""A certificate that a process signs for itself, for the minutes it listens. Nothing of it is on a disk."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anpr_edge.seams import Clock

BACKDATED = timedelta(days=1)
"""For phones whose clock, or a unit whose own, is a little off."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """A private key and its self-signed certificate, PEM; `sha256` is what browsers show as fingerprint."""

    key_pem: bytes
    cert_pem: bytes
    sha256: str

    def __repr__(self) -> str:
        return f"OwnCertificate({self.sha256})"


def make_own_certificate(
    name: str, addresses: Sequence[str], clock: Clock, valid: timedelta
) -> OwnCertificate:
    """A new ECDSA P-256 key and its certificate for a server reached at `addresses` (names or IP addresses).

    `name` is what browsers show; whoever connects sees it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.fromtimestamp(clock.now().utc_ns / 1e9, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectAlternativeName([_general(one) for one in addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    return OwnCertificate(
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        cert_pem=certificate.public_bytes(Encoding.PEM),
        sha256=certificate.fingerprint(SHA256()).hex(":").upper(),
    )


def _general(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)
