"""The proof that a unit was retired: a page to print, signed by the unit's keys before they are destroyed.

A line is `name: value`. Below the last of them stand two signatures over all lines above: by the key that
signed the unit's reads, and by the key of its certificate, which the workshop knows. See docs/bundle.md.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from anpr_edge.errors import KeyFileError, SealError
from anpr_edge.seal.certificates import Certificate
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.signatures import p256_point

TITLE: Final = "anpr-edge: proof of retirement, 1"
STATEMENT: Final = (
    "what the unit kept is wiped; the two keys that sign this are destroyed as soon as this is written"
)
LONGEST_BYTES: Final = 16_384
_CONTEXT: Final = b"anpr-edge proof of retirement\0"
"""Keeps a proof from passing for anything else its keys sign."""

READ_KEY, TLS_KEY = "verify key", "tls key"
BY_READ_KEY, BY_TLS_KEY = "signature by the verify key", "signature by the tls key"


class Signs(Protocol):
    """A key of the unit: its public half, and what it signs."""

    @property
    def public(self) -> VerifyKey: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof whose signatures hold. That its keys are the unit's is for the caller to compare."""

    fields: Mapping[str, str]
    verify_key: VerifyKey
    tls_key: VerifyKey

    @property
    def unit(self) -> str:
        """Fleet and unit, as people name them."""
        return self.fields["unit"]


def write_proof(fields: Mapping[str, str], read_key: Signs, tls_key: Signs) -> str:
    """The page, signed by both keys. Raises: SealError when a field cannot stand on a line."""
    keys = {READ_KEY: read_key.public.text, TLS_KEY: tls_key.public.text}
    lines = [TITLE, "", *(f"{name}: {value}" for name, value in {**fields, **keys}.items())]
    if not all(line.isprintable() for line in lines):
        raise SealError("the proof of retirement cannot be signed: a field has more than one line")
    body = "\n".join([*lines, f"statement: {STATEMENT}", ""])
    signed = _CONTEXT + body.encode()
    signatures = {BY_READ_KEY: read_key.sign(signed), BY_TLS_KEY: tls_key.sign(signed)}
    ends = [f"{name}: {base64.b64encode(one).decode()}" for name, one in signatures.items()]
    return body + "\n".join(ends) + "\n"


def read_proof(text: str) -> Proof:
    """What a page says, when both its signatures hold. Raises: SealError saying why it proves nothing."""
    if len(text.encode()) > LONGEST_BYTES or not text.startswith(f"{TITLE}\n\n"):
        raise SealError("not a proof of retirement", hint="anpr-edge retire writes it, UNIT.retired.txt")
    body, mark, ends = text.partition(f"{BY_READ_KEY}: ")
    fields = _fields(body.removeprefix(f"{TITLE}\n\n"))
    signatures = _fields(mark + ends)
    missing = {READ_KEY, TLS_KEY, "unit", "time"} - fields.keys()
    if missing or signatures.keys() != {BY_READ_KEY, BY_TLS_KEY}:
        raise SealError("the proof of retirement is not whole", hint=_HINT)
    try:
        keys = VerifyKey.parse(fields[READ_KEY]), VerifyKey.parse(fields[TLS_KEY])
        made = [base64.b64decode(signatures[name], validate=True) for name in (BY_READ_KEY, BY_TLS_KEY)]
    except (KeyFileError, binascii.Error, ValueError):
        raise SealError("the proof of retirement names no key or signature", hint=_HINT) from None
    for key, signature in zip(keys, made, strict=True):
        if not key.verify(signature, _CONTEXT + body.encode()):
            raise SealError(f"the proof of retirement was changed: {key.text} did not sign this", hint=_HINT)
    return Proof(fields, *keys)


def certified_proof(page: bytes, unit: str, certificate: Certificate) -> Proof:
    """The proof of a unit, `fleet/name`, signed with the key of its certificate.

    Raises: SealError saying why it proves nothing.
    """
    try:
        proof = read_proof(page[: LONGEST_BYTES + 1].decode())
    except UnicodeDecodeError:
        raise SealError("not a proof of retirement: not text", hint=_HINT) from None
    if proof.unit != unit:
        raise SealError(f"is the proof of {proof.unit}, not of {unit}")
    key = certificate.parsed.public_key()
    numbers = key.public_numbers() if isinstance(key, EllipticCurvePublicKey) else None
    if numbers is None or p256_point(numbers.x, numbers.y) != proof.tls_key.raw:
        raise SealError(
            "is not signed with the key of the unit's newest certificate",
            hint="was it made by another machine under this name?",
        )
    return proof


_HINT = "take the file as the unit wrote it"


def _fields(lines: str) -> dict[str, str]:
    pairs = [line.partition(": ") for line in lines.splitlines()]
    found = {name: value for name, _, value in pairs}
    if len(found) != len(pairs):
        raise SealError("the proof of retirement says something twice", hint=_HINT)
    return found
