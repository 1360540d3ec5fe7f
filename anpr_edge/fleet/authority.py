"""The fleet's certificate authority: signs what lets units and centres meet at the broker.

All keys are ECDSA P-256, which every TLS 1.3 peer has to offer (RFC 8446 §9.1). The certificate's
common name is the MQTT user name: a unit's id, or a consumer's name.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics

AUTHORITY_DAYS = 3650
"""How long the fleet's own certificate is good for."""

LEAF_DAYS = 730
"""How long a unit's, a centre's or the broker's certificate is good for."""

BACKDATED = timedelta(hours=1)
"""Certificates are good from an hour ago, for units whose clock is a little behind."""

CERTIFICATE_FILE = "ca.crt"
KEY_FILE = "ca.key"

_SUFFIX = " fleet authority"
"""What follows the fleet's name in the common name of the authority's certificate."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
NAME_HINT = "1 to 32 lower-case letters, digits and hyphens, not starting with a hyphen, as in unit.toml"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Issued:
    """A private key and its certificate, both PEM."""

    key_pem: bytes
    cert_pem: bytes

    def __repr__(self) -> str:
        return "Issued(key and certificate)"


class Authority:
    """One fleet's certificate authority.

    Raises: KeyFileError when its files are missing, malformed or do not belong together.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, clock: Clock) -> None:
        if certificate.public_key() != key.public_key():
            raise KeyFileError(f"{CERTIFICATE_FILE} and {KEY_FILE} do not belong together")
        self._certificate = certificate
        self._key = key
        self._clock = clock

    @classmethod
    def create(cls, directory: Path, fleet: str, clock: Clock) -> Authority:
        """Make a new authority in `directory`, which must not hold one yet.

        Raises: UsageError when `fleet` cannot be a fleet's name, KeyFileError when the folder is taken.
        """
        check_name(fleet)
        key_path = directory / KEY_FILE
        if key_path.exists():
            raise KeyFileError(
                f"{key_path} exists: this folder already holds an authority",
                hint="use it, or name another folder for a new fleet",
            )
        make_folder(directory)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(fleet + _SUFFIX)
        certificate = (
            _builder(name, name, key.public_key(), clock, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, SHA256())
        )
        write_private(key_path, _key_pem(key))
        (directory / CERTIFICATE_FILE).write_bytes(certificate.public_bytes(Encoding.PEM))
        return cls(certificate, key, clock)

    @classmethod
    def load(cls, directory: Path, clock: Clock) -> Authority:
        """Open the authority kept in `directory`."""
        try:
            certificate = x509.load_pem_x509_certificate((directory / CERTIFICATE_FILE).read_bytes())
            key = load_pem_private_key((directory / KEY_FILE).read_bytes(), None)
        except OSError as error:
            raise KeyFileError(
                f"{error.filename}: no usable authority: {error.strerror}", hint=_HINT
            ) from error
        except (ValueError, TypeError) as error:
            raise KeyFileError(f"{directory}: no usable authority: not PEM", hint=_HINT) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyFileError(f"{directory / KEY_FILE}: not an elliptic-curve key")
        return cls(certificate, key, clock)

    @property
    def fleet(self) -> str:
        """The name of the fleet it was made for."""
        return _common_name(self._certificate.subject).removesuffix(_SUFFIX)

    @property
    def cert_pem(self) -> bytes:
        """The authority's own certificate: what units, centres and the broker trust."""
        return self._certificate.public_bytes(Encoding.PEM)

    def issue_csr(self, csr_pem: bytes, name: str) -> bytes:
        """Sign a certificate request that asks for exactly `name`; PEM in, PEM out.

        Raises: KeyFileError when the request is malformed, not self-signed or asks for another name;
        UsageError when `name` cannot be a unit's name.
        """
        check_name(name)
        try:
            request = x509.load_pem_x509_csr(csr_pem)
        except ValueError as error:
            raise KeyFileError(f"certificate request for {name}: malformed: {error}") from error
        if not request.is_signature_valid:
            raise KeyFileError(f"certificate request for {name}: its signature does not verify")
        asked = [str(part.value) for part in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if asked != [name]:
            raise KeyFileError(f"certificate request asks for {asked}, expected {name}")
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise KeyFileError(f"certificate request for {name}: the key must be ECDSA P-256")
        return self._leaf(key, name, client=True)

    def issue_client(self, name: str) -> Issued:
        """A new key and client certificate for a consumer, made here.

        Raises: UsageError when `name` cannot be a consumer's name.
        """
        if not topics.is_name(name):
            raise UsageError(f"{name!r} cannot be a consumer's name", hint=topics.NAME_HINT)
        key = ec.generate_private_key(ec.SECP256R1())
        return Issued(_key_pem(key), self._leaf(key.public_key(), name, client=True))

    def issue_server(self, host: str) -> Issued:
        """A new key and server certificate for a broker reached as `host` (name or IP address).

        Raises: UsageError when `host` is neither.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        return Issued(_key_pem(key), self._leaf(key.public_key(), host, client=False))

    def check_server(self, cert_pem: bytes, key_pem: bytes) -> None:
        """Refuse a server certificate that its clients would refuse.

        Raises: KeyFileError when it is not this authority's, is no server's, or is for another key.
        """
        try:
            certificate = x509.load_pem_x509_certificate(cert_pem)
            key = load_pem_private_key(key_pem, None)
        except (ValueError, TypeError) as error:
            raise KeyFileError("the broker's certificate or key is not PEM", hint=_SERVER_HINT) from error
        try:
            certificate.verify_directly_issued_by(self._certificate)
            usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
            raise KeyFileError(
                f"the broker's certificate is not from the authority of fleet {self.fleet}", hint=_SERVER_HINT
            ) from error
        if ExtendedKeyUsageOID.SERVER_AUTH not in usage:
            raise KeyFileError("the broker's certificate is not a server's", hint=_SERVER_HINT)
        if certificate.public_key() != key.public_key():
            raise KeyFileError("the broker's certificate and key do not belong together", hint=_SERVER_HINT)

    def _leaf(self, key: ec.EllipticCurvePublicKey, name: str, *, client: bool) -> bytes:
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        issuer = self._certificate
        builder = (
            _builder(_name(name), issuer.subject, key, self._clock, LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if not client:
            builder = builder.add_extension(x509.SubjectAlternativeName([_host(name)]), critical=False)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)


_HINT = "anpr-fleet authority --dir FOLDER --fleet NAME makes one"
_SERVER_HINT = "anpr-fleet server HOST --dir FOLDER makes both"


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a fleet's or unit's name", hint=NAME_HINT)


def make_folder(directory: Path) -> None:
    """Make a folder and those above it. Raises: KeyFileError when that cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{directory}: {error.strerror}", hint="name another folder") from error


def write_private(path: Path, content: bytes) -> None:
    """Write a secret that only its owner can read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, clock: Clock, days: int
) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(clock.now().utc_ns / 1e9, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
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


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _common_name(name: x509.Name) -> str:
    return "".join(str(part.value) for part in name.get_attributes_for_oid(NameOID.COMMON_NAME))


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _HOST.fullmatch(host):
            raise UsageError(f"{host!r} is no host name or IP address") from None
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
