"""What a unit's bundle says of itself, under the fleet's provision key. See docs/bundle.md.

Here it is only signed, taken apart and held to the one encoding: whether it is for this unit and in time is
for the caller to judge, and whether the members are as it says for `bundlefile`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from anpr_edge.errors import BundleError, BundleRefusal, EnvelopeError, KeyFileError, Refusal, SealError
from anpr_edge.seal import cbor, sign1
from anpr_edge.seal.keys import Signer, VerifyKey
from anpr_edge.seal.wire_values import Wrong, exactly, listed, text, whole

LONGEST_BYTES: Final = 4096
MOST_MEMBERS: Final = 16
LARGEST_MEMBER_BYTES: Final = 65_536
LONGEST_LIFE_S: Final = 366 * 86_400
"""A bundle lies about on cards and laptops: it is good for a year at most."""

BUNDLE_TYPE: Final = "application/anpr-bundle+cose"
"""Keeps a manifest from passing for anything else its key may sign. Source: RFC 9596."""

FORMAT_VERSION: Final = 1
DIGEST_BYTES: Final = 32
LATEST_S: Final = 253_402_300_799
WHAT: Final = "the bundle's manifest"

FORMAT, FLEET, UNIT, MADE, UNTIL, MEMBERS, HOSTNAME, ENROLMENT, LISTENER, SIGNER = range(1, 11)

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
"""A fleet's or unit's name, as in its configuration."""

HOSTNAME_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""One label of a host name. Source: RFC 1123 §2.1."""

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


class Enrolment(StrEnum):
    """How the unit comes by its certificate."""

    CARRY = "carry"
    """The request goes to the workshop on the card, and the certificate comes back on it."""

    TOKEN = "token"
    """The unit sends its request over MQTT, under a token that works once."""

    INCLUDED = "included"
    """Keys and certificate are in the bundle."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a bundle: its name, length, and SHA-256."""

    name: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """For which unit a bundle is, of when, and what is in it.

    `listener` is where a unit enrols by token: the broker's name and its port for that.
    """

    fleet: str
    unit: str
    made_utc_s: int
    until_utc_s: int
    members: tuple[Member, ...]
    hostname: str
    enrolment: Enrolment
    listener: tuple[str, int] | None


def sign_manifest(manifest: Manifest, key: Signer) -> bytes:
    """The manifest as it stands in a bundle. Raises: SealError when a value is out of its limits."""
    values: dict[int, object] = {
        FORMAT: FORMAT_VERSION,
        FLEET: manifest.fleet,
        UNIT: manifest.unit,
        MADE: manifest.made_utc_s,
        UNTIL: manifest.until_utc_s,
        MEMBERS: [[one.name, one.size, one.sha256] for one in manifest.members],
        HOSTNAME: manifest.hostname,
        ENROLMENT: str(manifest.enrolment),
        LISTENER: None if manifest.listener is None else list(manifest.listener),
        SIGNER: key.public.text,
    }
    payload = cbor.encode(values)
    try:
        _manifest_of(cbor.decode(payload, WHAT))
    except Wrong as wrong:
        raise SealError(f"{WHAT} of {manifest.unit} cannot be signed: {wrong}") from None
    return sign1.sign(_protected(key.public), payload, key)


def open_manifest(blob: bytes, anchor: VerifyKey | None) -> tuple[Manifest, VerifyKey]:
    """The manifest and the key that signed it, when that is `anchor`; any key when there is no anchor.

    Raises: BundleError (oversize, malformed, unknown-key, signature).
    """
    try:
        signed = sign1.parse(blob, LONGEST_BYTES, WHAT)
        values = cbor.decode(signed.payload, WHAT)
        key = anchor or _key_in(values)
        if signed.protected != _protected(key):
            raise _not_ours(signed.protected, key)
        if not signed.signed_by(key):
            raise BundleError(BundleRefusal.SIGNATURE, f"{WHAT}: its signature does not hold", hint=_HINT)
        manifest = _manifest_of(values)
        if _key_in(values) != key:
            raise Wrong("names another key than signed it")
    except EnvelopeError as error:
        oversize = error.kind is Refusal.OVERSIZE
        kind = BundleRefusal.OVERSIZE if oversize else BundleRefusal.MALFORMED
        raise BundleError(kind, str(error), hint=_HINT) from None
    except Wrong as wrong:
        raise BundleError(BundleRefusal.MALFORMED, f"{WHAT}: {wrong}", hint=_HINT) from None
    return manifest, key


_HINT = "copy the bundle again, or have the workshop make a new one: anpr-fleet unit bundle"


def _not_ours(protected: bytes, key: VerifyKey) -> BundleError:
    """A sound header of another key is one thing, a header that is no manifest's another."""
    header = cbor.decode(protected, WHAT)
    labels = header if isinstance(header, dict) else {}
    sound = labels.keys() == {sign1.ALG, sign1.KID, sign1.TYP}
    if sound and labels[sign1.TYP] == BUNDLE_TYPE and labels[sign1.KID] != key.kid:
        hint = (
            "it is another fleet's bundle, or the trust anchor is: compare provision.pub of workshop and unit"
        )
        return BundleError(BundleRefusal.UNKNOWN_KEY, f"{WHAT} is not signed by {key.text}", hint=hint)
    return BundleError(BundleRefusal.MALFORMED, f"{WHAT}: its header is no manifest's", hint=_HINT)


def _protected(key: VerifyKey) -> bytes:
    return cbor.encode({sign1.ALG: key.alg, sign1.KID: key.kid, sign1.TYP: BUNDLE_TYPE})


def _key_in(values: object) -> VerifyKey:
    """Raises: Wrong."""
    written = values.get(SIGNER) if isinstance(values, dict) else None
    try:
        return VerifyKey.parse(_key_text(written))
    except KeyFileError:
        raise Wrong("names no key that signed it") from None


_key_text = text(64)
_moment = whole(0, LATEST_S)
_port = whole(1, 65_535)


def _matching(pattern: re.Pattern[str], what: str, value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Wrong(f"not {what}")
    return value


def _name(value: object) -> str:
    return _matching(NAME, "a name of 1 to 32 lower-case letters, digits and hyphens", value)


_size = whole(0, LARGEST_MEMBER_BYTES)
_digest = exactly(DIGEST_BYTES)
_member_name = text(32)


def _member(value: object) -> Member:
    if not isinstance(value, list) or len(value) != 3:
        raise Wrong("a member is not a list of name, size and SHA-256")
    return Member(_member_name(value[0]), _size(value[1]), _digest(value[2]))


def _listener(value: object) -> tuple[str, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise Wrong("the enrolment's broker is not a list of host and port")
    return _matching(_HOST, "a host name or address", value[0]), _port(value[1])


def _enrolment(value: object) -> Enrolment:
    if not isinstance(value, str) or value not in set(Enrolment):
        raise Wrong("an enrolment of another kind")
    return Enrolment(value)


def _manifest_of(values: object) -> Manifest:
    """Raises: Wrong."""
    if not isinstance(values, dict) or values.keys() != set(range(FORMAT, SIGNER + 1)):
        raise Wrong("not a map with exactly the keys 1 to 10")
    if isinstance(values[FORMAT], bool) or values[FORMAT] != FORMAT_VERSION:
        raise Wrong("of another format")
    manifest = Manifest(
        fleet=_name(values[FLEET]),
        unit=_name(values[UNIT]),
        made_utc_s=_moment(values[MADE]),
        until_utc_s=_moment(values[UNTIL]),
        members=listed(MOST_MEMBERS, _member)(values[MEMBERS]),
        hostname=_matching(HOSTNAME_LABEL, "a host name of one label", values[HOSTNAME]),
        enrolment=_enrolment(values[ENROLMENT]),
        listener=_listener(values[LISTENER]),
    )
    if not 0 < manifest.until_utc_s - manifest.made_utc_s <= LONGEST_LIFE_S:
        raise Wrong(f"it is not good for at most {LONGEST_LIFE_S} s from when it was made")
    if (manifest.listener is None) is (manifest.enrolment is Enrolment.TOKEN):
        raise Wrong("a broker to enrol at goes with enrolment by token, and with no other")
    return manifest
