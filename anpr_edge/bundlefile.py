"""A unit's bundle: one file with all that makes a prepared card a unit of its fleet. See docs/bundle.md.

An uncompressed ustar archive in exactly one spelling: known names in a fixed order, bounded sizes, times and
owners of zero. What is read is written again and compared: nothing else than that one spelling is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from anpr_edge.errors import BundleError, BundleRefusal
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.manifest import LONGEST_BYTES as LONGEST_MANIFEST
from anpr_edge.seal.manifest import Enrolment, Manifest, Member, open_manifest

SUFFIX: Final = ".bundle"
MANIFEST: Final = "manifest.cose"
CONFIG, TRUST, COMMAND_KEY, POLICY = "unit.toml", "ca.crt", "command.pub", "policy.cose"
TOKEN, CERTIFICATE, TLS_KEY, SIGN_KEY, OPEN_KEY = "enrol.token", "tls.crt", "tls.pem", "sign.pem", "open.pem"

LONGEST: Final[Mapping[str, int]] = {
    MANIFEST: LONGEST_MANIFEST,
    CONFIG: 65_536,
    TRUST: 16_384,
    COMMAND_KEY: 256,
    POLICY: 16_384,
    TOKEN: 64,
    CERTIFICATE: 16_384,
    TLS_KEY: 4096,
    SIGN_KEY: 4096,
    OPEN_KEY: 4096,
}
"""Every member there may be, in the order in which they stand, and how many bytes each may have."""

ALWAYS: Final = frozenset({CONFIG, TRUST})
OWN_KEYS: Final = frozenset({CERTIFICATE, TLS_KEY, SIGN_KEY, OPEN_KEY})
"""What makes an identity: all of it goes with `Enrolment.INCLUDED`, none without."""

TICKET_FILE: Final = "enrol.json"
"""The token as the unit keeps it, in its keys folder, until it has a certificate."""

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
MODE: Final = 0o600
_MAGIC: Final = b"ustar\x0000"
"""Source: POSIX.1-2017, pax, ustar interchange format."""

LARGEST_BYTES: Final = sum(BLOCK + -(-size // BLOCK) * BLOCK for size in LONGEST.values()) + len(END)
HINT: Final = "copy the bundle again, or have the workshop make a new one: anpr-fleet unit bundle"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signature and contents hold. `key` is what signed it."""

    manifest: Manifest
    key: VerifyKey
    members: Mapping[str, bytes] = field(repr=False)
    sha256: str = ""

    @property
    def unit(self) -> str:
        """Fleet and unit, as people name them."""
        return f"{self.manifest.fleet}/{self.manifest.unit}"


def members_of(contents: Mapping[str, bytes]) -> tuple[Member, ...]:
    """What a manifest says of these files, in the bundle's order."""
    found = [(name, contents[name]) for name in LONGEST if name in contents]
    return tuple(Member(name, len(data), hashlib.sha256(data).digest()) for name, data in found)


def pack(contents: Mapping[str, bytes]) -> bytes:
    """The archive of these members, the manifest's included."""
    parts = [
        _header(name, len(contents[name])) + _padded(contents[name]) for name in LONGEST if name in contents
    ]
    return b"".join(parts) + END


def read_bundle(path: Path, anchor: VerifyKey | None) -> Bundle:
    """The bundle in a file, when `anchor` signed it; whoever signed it when there is no anchor.

    Raises: BundleError, naming the file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise BundleError(
            BundleRefusal.UNUSABLE, f"{path}: {error.strerror}", hint="is the card whole?"
        ) from None
    try:
        return open_bundle(data, anchor)
    except BundleError as error:
        raise BundleError(error.kind, f"{path}: {error}", hint=error.hint) from None


def open_bundle(data: bytes, anchor: VerifyKey | None) -> Bundle:
    """The bundle in these bytes, when `anchor` signed it; whoever signed it when there is no anchor.

    Whether it is for this unit and in time is for the caller to judge.

    Raises: BundleError (oversize, truncated, malformed, members, contents, unknown-key, signature).
    """
    contents = _unpack(data)
    manifest, key = open_manifest(contents.pop(MANIFEST), anchor)
    _check_contents(manifest, contents)
    _check_whole(manifest, contents)
    return Bundle(manifest, key, contents, hashlib.sha256(data).hexdigest())


def _check_contents(manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    """What is there is what the manifest names, to the last bit."""
    found = members_of(contents)
    named, there = [one.name for one in manifest.members], [one.name for one in found]
    if named != there:
        raise _refused(
            BundleRefusal.MEMBERS, f"holds {_words(there)}, and its manifest names {_words(named)}"
        )
    for said, is_so in zip(manifest.members, found, strict=True):
        if said != is_so:
            raise _refused(BundleRefusal.CONTENTS, f"{said.name} in it is not what was signed")


def _check_whole(manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    """What goes together is there together."""
    needed = set(ALWAYS)
    if manifest.enrolment is Enrolment.TOKEN:
        needed.add(TOKEN)
    if manifest.enrolment is Enrolment.INCLUDED:
        needed |= OWN_KEYS
    spare = ({TOKEN} | OWN_KEYS) & contents.keys() - needed
    if missing := needed - contents.keys():
        raise _refused(BundleRefusal.MEMBERS, f"lacks {_words(sorted(missing))}")
    if spare:
        raise _refused(
            BundleRefusal.MEMBERS, f"holds {_words(sorted(spare))}, with enrolment by {manifest.enrolment}"
        )


def _unpack(data: bytes) -> dict[str, bytes]:
    """The members of an archive in its one spelling. Raises: BundleError."""
    if len(data) > LARGEST_BYTES:
        raise _refused(BundleRefusal.OVERSIZE, f"longer than the {LARGEST_BYTES} bytes a bundle may have")
    found: dict[str, bytes] = {}
    names, at = list(LONGEST), 0
    while data[at : at + BLOCK] != bytes(BLOCK):
        name, size = _member_at(data, at)
        if name not in names:
            raise _refused(BundleRefusal.MEMBERS, f"{name!r} at byte {at}: unknown, twice, or out of order")
        if size > LONGEST[name]:
            raise _refused(BundleRefusal.OVERSIZE, f"{name} in it: {size} bytes, at most {LONGEST[name]}")
        del names[: names.index(name) + 1]
        found[name] = data[at + BLOCK : at + BLOCK + size]
        at += BLOCK + -(-size // BLOCK) * BLOCK
        if at > len(data):
            raise _cut_short(len(data))
    if at + len(END) > len(data):
        raise _cut_short(len(data))
    if MANIFEST not in found:
        raise _refused(BundleRefusal.MEMBERS, f"does not begin with {MANIFEST}: not a unit's bundle")
    if pack(found) != data:
        raise _refused(BundleRefusal.MALFORMED, "an archive written otherwise than a bundle is")
    return found


def _member_at(data: bytes, at: int) -> tuple[str, int]:
    """The name and size in the header there, unchecked but for their form."""
    header = data[at : at + BLOCK]
    if len(header) < BLOCK:
        raise _cut_short(len(data))
    octal = header[124:135]
    if header[257:265] != _MAGIC or not octal.isdigit() or not set(octal) <= set(b"01234567"):
        raise _refused(BundleRefusal.MALFORMED, f"no archive's header at byte {at}: not a unit's bundle")
    return header[:100].rstrip(b"\0").decode("ascii", "replace"), int(octal, 8)


def _header(name: str, size: int) -> bytes:
    """A member's header. Source: POSIX.1-2017, pax, ustar interchange format."""
    fields = [
        name.encode().ljust(100, b"\0"),
        *(b"%07o\0" % number for number in (MODE, 0, 0)),
        b"%011o\0%011o\0" % (size, 0),
        b" " * 8,
        b"0",
        bytes(100),
        _MAGIC,
        bytes(64),
        *(b"%07o\0" % number for number in (0, 0)),
    ]
    blank = b"".join(fields).ljust(BLOCK, b"\0")
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _cut_short(size: int) -> BundleError:
    return _refused(BundleRefusal.TRUNCATED, f"cut short: it ends after {size} bytes")


def _refused(kind: BundleRefusal, why: str) -> BundleError:
    return BundleError(kind, f"the bundle is refused: {why}", hint=HINT)


def _words(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
