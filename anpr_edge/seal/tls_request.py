"""The unit's TLS key, and the request that asks the fleet's authority for a certificate.

ECDSA P-256, which every TLS 1.3 peer has to offer. Source: RFC 8446 §9.1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from anpr_edge.errors import KeyFileError
from anpr_edge.seal import keyfile
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.signatures import P256, p256_point, p256_signature_of_der

VERIFY_URI: Final = "urn:anpr-edge:verify-key:"
"""Begins the name under which a request tells the unit's verify key; no certificate takes it over."""


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
        """The key kept at `path`. Raises: KeyFileError."""
        key = keyfile.load(path)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise keyfile.wrong_kind(path, "ECDSA P-256")
        return cls(key)

    def save(self, path: Path) -> None:
        """Keep the key in a new file only its owner can read. Raises: KeyFileError."""
        keyfile.save(path, self._key)

    def request(self, unit: str, verify_key: VerifyKey | None = None) -> bytes:
        """A certificate request (PKCS#10, PEM) for the name `unit`.

        It says which key verifies the unit's reads, for whoever signs it to tell the centre.
        """
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unit)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        if verify_key is not None:
            said = x509.UniformResourceIdentifier(VERIFY_URI + verify_key.text)
            builder = builder.add_extension(x509.SubjectAlternativeName([said]), critical=False)
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM)

    @property
    def public(self) -> VerifyKey:
        """What verifies its signatures."""
        numbers = self._key.public_key().public_numbers()
        return VerifyKey(P256, p256_point(numbers.x, numbers.y))

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature over `data`."""
        return p256_signature_of_der(self._key.sign(data, ec.ECDSA(SHA256())))

    def made(self, request: Path) -> bool:
        """Whether the certificate request in a file is for this key. Raises: KeyFileError."""
        return _parsed(request).public_key() == self._key.public_key()


def requested_name(request: Path) -> str:
    """The name that the certificate request in a file asks for. Raises: KeyFileError."""
    names = _parsed(request).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def requested_key(request: Path) -> bytes:
    """The key that a request in a file is for, as SubjectPublicKeyInfo, DER. Raises: KeyFileError."""
    return _parsed(request).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def told_verify_key(csr_pem: bytes) -> VerifyKey | None:
    """The key that a request says verifies its unit's reads; None when it says nothing of the kind."""
    try:
        extensions = x509.load_pem_x509_csr(csr_pem).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        said = names.get_values_for_type(x509.UniformResourceIdentifier)
        texts = [uri.removeprefix(VERIFY_URI) for uri in said if uri.startswith(VERIFY_URI)]
        return VerifyKey.parse(texts[0]) if texts else None
    except (ValueError, KeyFileError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return None


def _parsed(path: Path) -> x509.CertificateSigningRequest:
    try:
        return x509.load_pem_x509_csr(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}", hint="run this as the user who made it") from None
    except ValueError:
        raise KeyFileError(
            f"{path}: not a certificate request in PEM", hint="delete it and run anpr-edge init again"
        ) from None
