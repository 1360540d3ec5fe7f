"""The certificate authority's key in a PKCS#11 token: it signs there, and cannot be copied out.

The place is a PKCS#11 URI (RFC 7512): pkcs11:token=NAME;object=LABEL?module-path=/usr/lib/…/library.so. The
PIN is asked for, never written there. Needs the python-pkcs11 package (the extra `pkcs11`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from anpr_edge.errors import KeyFileError, UsageError

SCHEME: Final = "pkcs11:"
EXAMPLE: Final = "pkcs11:token=demo;object=fleet-ca?module-path=/usr/lib/softhsm/libsofthsm2.so"

Buffer = bytes | bytearray | memoryview

Pin = Callable[[str], str]
"""Asks for the PIN of the token it is told."""


@dataclass(frozen=True, slots=True)
class Place:
    """A key's place: the library that speaks to the token, the token's label and the key's."""

    module: Path
    token: str
    label: str

    @classmethod
    def parse(cls, uri: str) -> Place:
        """The place that a URI names. Raises: UsageError."""
        path, _, query = uri.removeprefix(SCHEME).partition("?")
        parts = dict(part.partition("=")[::2] for part in (*path.split(";"), *query.split("&")) if part)
        found = {key: unquote(value) for key, value in parts.items()}
        if not is_token(uri) or set(found) != {"token", "object", "module-path"} or not all(found.values()):
            raise UsageError(f"{uri}: needs a token, an object and a module-path", hint=f"as in {EXAMPLE}")
        return cls(Path(found["module-path"]), found["token"], found["object"])

    def __str__(self) -> str:
        return f"object {self.label} of token {self.token}"


class TokenKey(ec.EllipticCurvePrivateKey):
    """A P-256 key in a token; what the cryptography package asks of a private key, but for taking it out."""

    def __init__(self, place: Place, key: Any, public: ec.EllipticCurvePublicKey) -> None:
        self._place = place
        self._key = key
        self._public = public

    def sign(self, data: Buffer, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """The signature over `data`, DER. Raises: KeyFileError when the token does not sign."""
        import pkcs11

        if not isinstance(signature_algorithm.algorithm, SHA256):
            raise KeyFileError(f"{self._place}: signs with SHA-256 alone")
        try:
            raw = self._key.sign(hashlib.sha256(data).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        except pkcs11.PKCS11Error as error:
            raise KeyFileError(f"{self._place}: does not sign: {_words(error)}") from error
        half = len(raw) // 2
        return utils.encode_dss_signature(
            int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
        )

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        self._refuse()

    def private_numbers(self) -> NoReturn:
        self._refuse()

    def private_bytes(self, *_: object) -> NoReturn:
        self._refuse()

    def __copy__(self) -> TokenKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenKey:
        return self

    def _refuse(self) -> NoReturn:
        raise KeyFileError(f"{self._place}: the key signs in its token, and is nowhere else")


def is_token(where: str) -> bool:
    """Whether a key's place is a token rather than a file."""
    return where.startswith(SCHEME)


def open_token_key(uri: str, pin: Pin | None, *, make: bool = False) -> TokenKey:
    """The key in a token, opened with the PIN; with `make` a new one if there is none of this label.

    Raises: KeyFileError when library, token or key are missing, or the PIN is wrong; UsageError for a URI
    that is none.
    """
    place = Place.parse(uri)
    pkcs11 = _package()
    if pin is None:
        raise KeyFileError(f"{place}: needs its PIN", hint="give --pin-file, or run it in a terminal")
    try:
        token = pkcs11.lib(str(place.module)).get_token(token_label=place.token)
        session = _session(token, pin(place.token), rw=make)
        return _found(place, session) or (_made(place, session) if make else _missing(place))
    except pkcs11.PKCS11Error as error:
        raise KeyFileError(
            f"{place}: {_words(error)}", hint="are its library and the token there, and is the PIN right?"
        ) from error


def _package() -> Any:
    try:
        import pkcs11
    except ImportError:
        raise KeyFileError(
            "python-pkcs11 is not installed", hint="pip install 'anpr-edge[pkcs11]', for keys in tokens"
        ) from None
    return pkcs11


def _session(token: Any, pin: str, *, rw: bool) -> Any:
    """A session in which private keys can be used; a process logs in once for all its sessions."""
    import pkcs11

    try:
        return token.open(user_pin=pin, rw=rw)
    except pkcs11.UserAlreadyLoggedIn:
        return token.open(rw=rw)


def _found(place: Place, session: Any) -> TokenKey | None:
    from pkcs11 import KeyType, NoSuchKey, ObjectClass

    try:
        public = session.get_key(ObjectClass.PUBLIC_KEY, KeyType.EC, label=place.label)
        private = session.get_key(ObjectClass.PRIVATE_KEY, KeyType.EC, label=place.label)
    except NoSuchKey:
        return None
    return _token_key(place, public, private)


def _made(place: Place, session: Any) -> TokenKey:
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_named_curve_parameters

    curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
    stays = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
    public, private = parameters.generate_keypair(store=True, label=place.label, private_template=stays)
    return _token_key(place, public, private)


def _missing(place: Place) -> NoReturn:
    raise KeyFileError(f"{place}: no such key in the token")


def _token_key(place: Place, public: Any, private: Any) -> TokenKey:
    from pkcs11.util.ec import encode_ec_public_key

    key = load_der_public_key(encode_ec_public_key(public))
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyFileError(f"{place}: not an ECDSA P-256 key")
    return TokenKey(place, private, key)


def _words(error: Exception) -> str:
    """A PKCS#11 error in words; of most the package tells no more than the error's class."""
    return str(error) or "".join(f" {c.lower()}" if c.isupper() else c for c in type(error).__name__).strip()
