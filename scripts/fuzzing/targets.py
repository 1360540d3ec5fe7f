"""What must hold for any bytes: refused by kind or understood the one way, never anything else.

Each target takes bytes and raises what nobody expects: any error but a refusal, and `Broken` when
something was accepted that nobody wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from anpr_edge.bundlefile import open_bundle
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import EnvelopeError, PolicyError, SealError
from anpr_edge.fleet.authority import Authority
from anpr_edge.seal import acks, cbor, commands, encrypt, envelope, header, lists, padding, replies, wire
from anpr_edge.seal.certificates import Certificate, read_certificate
from anpr_edge.seal.enrolment import open_request
from anpr_edge.seal.policy import signed
from anpr_edge.seal.retirement import read_proof
from tests.vectors.keys import recipient, signer

OWN: Final = (recipient("recipient one"), recipient("hybrid one"))
UNIT: Final = signer().public


def _authority() -> Certificate:
    """A certificate authority that nobody has the key of any more."""
    with TemporaryDirectory() as folder:
        Authority.create(Path(folder) / "authority", "london", SystemClock())
        return read_certificate(Path(folder) / "authority" / "ca.crt")


AUTHORITY: Final = _authority()


class Broken(Exception):
    """Something was accepted that nobody wrote, or came back changed."""


def one_encoding(data: bytes) -> None:
    """What CBOR is taken is written again as the same bytes."""
    if cbor.encode(cbor.decode(data, "fuzz")) != data:
        raise Broken("CBOR was read that is written otherwise")


def shape(data: bytes) -> None:
    """Every layer that needs no key, by itself."""
    for parse in (envelope.parse, encrypt.parse, header.decode):
        try:
            parse(data)
        except EnvelopeError:
            continue


def record(data: bytes) -> None:
    """What a holder of the content key could put inside: padding and record."""
    try:
        found = padding.unpad(data)
    except EnvelopeError:
        found = data
    wire.decode_read(found)


def acknowledgement(data: bytes) -> None:
    """No acknowledgement is accepted: nobody has signed one here."""
    acks.open_ack(data, UNIT)
    raise Broken("an acknowledgement was accepted that nobody signed")


def policy(data: bytes) -> None:
    """No policy is accepted: nobody has signed one here. What one says may be shown, whoever signed it."""
    with suppress(PolicyError):
        signed.read_unverified(data)
    signed.open_policy(data, UNIT)
    raise Broken("a policy was accepted that nobody signed")


def command(data: bytes) -> None:
    """No command is accepted: nobody has signed one here."""
    commands.open_command(data, UNIT)
    raise Broken("a command was accepted that nobody signed")


def reply(data: bytes) -> None:
    """No reply is accepted: no unit has a certificate of this authority."""
    replies.open_reply(data, AUTHORITY, "unit-0042")
    raise Broken("a reply was accepted that nobody signed")


def vehicles(data: bytes) -> None:
    """No list of vehicles is accepted: nobody has sealed one here."""
    lists.open_list(data, UNIT, OWN[0])
    raise Broken("a list was accepted that nobody signed")


def bundle(data: bytes) -> None:
    """No bundle is accepted: nobody has signed one here. Without a trust anchor its own key counts."""
    with suppress(SealError):
        open_bundle(data, None)
    open_bundle(data, UNIT)
    raise Broken("a bundle was accepted that nobody signed")


def enrolment(data: bytes) -> None:
    """No request for a certificate is accepted: nobody has this token."""
    open_request(data, UNIT, "london", "unit-0042")
    raise Broken("a request was accepted that nobody signed")


def retirement(data: bytes) -> None:
    """No proof of retirement is accepted: nobody has signed one here."""
    read_proof(data.decode("utf-8", "replace"))
    raise Broken("a proof was accepted that nobody signed")


def forged(known: frozenset[bytes]) -> Callable[[bytes], None]:
    """No envelope is accepted but those in `known`, whole."""

    def target(data: bytes) -> None:
        found = envelope.parse(data)
        found.verify(UNIT)
        if data not in known:
            raise Broken("an envelope was accepted that nobody sealed")
        for key in OWN:
            try:
                wire.decode_read(found.open(key))
            except EnvelopeError:
                continue

    return target


def all_targets(known: frozenset[bytes]) -> tuple[Callable[[bytes], None], ...]:
    """Every target; `known` are the sealed reads that exist."""
    cards = bundle, enrolment, retirement
    return (
        one_encoding,
        shape,
        record,
        acknowledgement,
        policy,
        command,
        reply,
        vehicles,
        *cards,
        forged(known),
    )


def look_at(data: bytes, targets: tuple[Callable[[bytes], None], ...]) -> None:
    """Give the same bytes to every target."""
    for target in targets:
        with suppress(SealError, PolicyError):
            target(data)
