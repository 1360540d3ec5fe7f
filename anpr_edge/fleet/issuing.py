"""Parts of the certificates that the fleet's authority signs."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from anpr_edge.errors import UsageError
from anpr_edge.seams import Clock

BACKDATED: Final = timedelta(hours=1)
"""Certificates are good from an hour ago, for units whose clock is a little behind."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _use(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


AUTHORITY_USE: Final = _use(signs_certificates=True)
LEAF_USE: Final = _use(signs_certificates=False)


def now_of(clock: Clock) -> datetime:
    """What the clock says, in UTC, to the second: certificates have no fractions."""
    return datetime.fromtimestamp(clock.now().utc_ns // 10**9, UTC)


def certificate_for(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    clock: Clock,
    *,
    days: int,
    latest: datetime | None = None,
) -> x509.CertificateBuilder:
    """A certificate with its names, key and dates; it does not outlast its issuer, who ends at `latest`."""
    now = now_of(clock)
    end = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(end, latest) if latest else end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def named(common_name: str) -> x509.Name:
    """A name that is a common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def common_name(name: x509.Name) -> str:
    """The common name in a name; empty when it has none."""
    return "".join(str(part.value) for part in name.get_attributes_for_oid(NameOID.COMMON_NAME))


def host_name(host: str) -> x509.GeneralName:
    """A broker's host name or address, as a certificate states it. Raises: UsageError when it is neither."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _HOST.fullmatch(host):
            raise UsageError(f"{host!r} is no host name or IP address") from None
        return x509.DNSName(host)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PEM, without a passphrase."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
