"""The fleet's certificate authority: signs what lets units and centres meet at the broker.

All keys are ECDSA P-256, which every TLS 1.3 peer has to offer (RFC 8446 §9.1). The certificate's
common name is the MQTT user name: a unit's id, or a consumer's name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.fleet.issuing import (
    AUTHORITY_USE,
    LEAF_USE,
    certificate_for,
    common_name,
    host_name,
    key_pem,
    named,
    now_of,
)
from anpr_edge.seams import Clock
from anpr_edge.uplink import clientnames

AUTHORITY_DAYS = 3650
"""How long the fleet's own certificate, and that of its release key, is good for."""

LEAF_DAYS = 730
"""How long a unit's, a centre's or the broker's certificate is good for."""

CERTIFICATE_FILE = "ca.crt"
KEY_FILE = "ca.key"

_SUFFIX = " fleet authority"
"""What follows the fleet's name in the common name of the authority's certificate."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
NAME_HINT = "1 to 32 lower-case letters, digits and hyphens, not starting with a hyphen, as in unit.toml"


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
        authority = cls.make(fleet, key, clock)
        write_private(key_path, key_pem(key))
        (directory / CERTIFICATE_FILE).write_bytes(authority.cert_pem)
        return authority

    @classmethod
    def make(cls, fleet: str, key: ec.EllipticCurvePrivateKey, clock: Clock) -> Authority:
        """A new authority that signs with `key`; nothing is written.

        Raises: UsageError when `fleet` cannot be a fleet's name.
        """
        check_name(fleet)
        name = named(fleet + _SUFFIX)
        certificate = (
            certificate_for(name, name, key.public_key(), clock, days=AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(AUTHORITY_USE, critical=True)
            .sign(key, SHA256())
        )
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
        return fleet_of(self._certificate)

    @property
    def cert_pem(self) -> bytes:
        """The authority's own certificate: what units, centres and the broker trust."""
        return self._certificate.public_bytes(Encoding.PEM)

    def check_dates(self) -> None:
        """Refuse to sign at a time at which nobody would believe it.

        Raises: KeyFileError when the authority has ended, or by this machine's clock has not begun.
        """
        now, start, end = (
            now_of(self._clock),
            self._certificate.not_valid_before_utc,
            self._certificate.not_valid_after_utc,
        )
        if now < start:
            raise KeyFileError(
                f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, and the authority of fleet "
                f"{self.fleet} is good from {start:%Y-%m-%d %H:%M} on",
                hint="set the clock: certificates get their dates from it",
            )
        if now >= end:
            raise KeyFileError(
                f"the authority of fleet {self.fleet} ended on {end:%Y-%m-%d}; it is {now:%Y-%m-%d} now",
                hint="if the clock is right the fleet needs a new authority, and its units new bundles",
            )

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
            raise KeyFileError(
                f"certificate request asks for {' and '.join(asked) or 'no name'}, expected {name}",
                hint="a request is signed under its own unit's name alone: is it the right card?",
            )
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise KeyFileError(f"certificate request for {name}: the key must be ECDSA P-256")
        return self._leaf(key, name, ExtendedKeyUsageOID.CLIENT_AUTH)

    def issue_client(self, name: str) -> Issued:
        """A new key and client certificate for a consumer, made here.

        Raises: UsageError when `name` cannot be a consumer's name.
        """
        if not clientnames.is_client_name(name):
            raise UsageError(f"{name!r} cannot be a consumer's name", hint=clientnames.NAME_HINT)
        key = ec.generate_private_key(ec.SECP256R1())
        return Issued(key_pem(key), self._leaf(key.public_key(), name, ExtendedKeyUsageOID.CLIENT_AUTH))

    def issue_server(self, host: str, key: ec.EllipticCurvePrivateKey | None = None) -> Issued:
        """A server certificate for a broker reached as `host` (name or IP address), for a new key or `key`.

        Raises: UsageError when `host` is neither.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([host_name(host)])
        return Issued(
            key_pem(key), self._leaf(key.public_key(), host, ExtendedKeyUsageOID.SERVER_AUTH, names=names)
        )

    def issue_release(self, key: ec.EllipticCurvePublicKey) -> bytes:
        """The certificate of the key that signs system updates, as RAUC wants it; PEM.

        It is good for S/MIME, which RAUC asks for by default, and for code (`check-purpose=codesign`).
        Source: RAUC reference, system.conf, [keyring].
        """
        purposes = (ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CODE_SIGNING)
        return self._leaf(key, f"{self.fleet} releases", *purposes, days=AUTHORITY_DAYS)

    def revocation_list(self, revoked: Iterable[x509.RevokedCertificate]) -> bytes:
        """The list of certificates that are not to be believed any more, PEM.

        It is good until the authority itself ends: a broker refuses everybody once its list is out of date,
        and an authority off the network cannot be asked for a new one each month.
        """
        now = now_of(self._clock)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now)
            .next_update(self._certificate.not_valid_after_utc)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(self._issuer_key(), critical=False)
        )
        for one in revoked:
            builder = builder.add_revoked_certificate(one)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def _leaf(
        self,
        key: ec.EllipticCurvePublicKey,
        name: str,
        *purposes: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None = None,
        days: int = LEAF_DAYS,
    ) -> bytes:
        issuer = self._certificate
        builder = (
            certificate_for(
                named(name), issuer.subject, key, self._clock, days=days, latest=issuer.not_valid_after_utc
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(LEAF_USE, critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(self._issuer_key(), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    def _issuer_key(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


_HINT = "anpr-fleet authority create FLEET makes one"
_SERVER_HINT = "anpr-fleet server HOST makes both"


def check_server(authority: x509.Certificate, cert_pem: bytes, key_pem: bytes) -> None:
    """Refuse a server certificate that its clients would refuse.

    Raises: KeyFileError when it is not this authority's, is no server's, or is for another key.
    """
    try:
        certificate = x509.load_pem_x509_certificate(cert_pem)
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError) as error:
        raise KeyFileError("the broker's certificate or key is not PEM", hint=_SERVER_HINT) from error
    try:
        certificate.verify_directly_issued_by(authority)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        fleet = fleet_of(authority)
        raise KeyFileError(
            f"the broker's certificate is not from the authority of fleet {fleet}", hint=_SERVER_HINT
        ) from error
    if ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        raise KeyFileError("the broker's certificate is not a server's", hint=_SERVER_HINT)
    if certificate.public_key() != key.public_key():
        raise KeyFileError("the broker's certificate and key do not belong together", hint=_SERVER_HINT)


def fleet_of(authority: x509.Certificate) -> str:
    """The name of the fleet that an authority's certificate was made for."""
    return common_name(authority.subject).removesuffix(_SUFFIX)


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
