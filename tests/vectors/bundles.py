"""Vectors of bundles: good ones, and bad ones with exactly one fault each."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2

from tests.vectors.case import flipped, nth, without
from tests.vectors.recipe import encode, kid, unbent
from tests.vectors.signing import signing, verify_key

PROVISIONER = "provisioner"
MADE = 1_790_000_000
YEAR_S = 366 * 86_400
MANIFEST = "manifest.cose"
FILES: Mapping[str, bytes] = {
    "unit.toml": b'[unit]\nfleet = "london"\nid = "unit-0042"\n',
    "ca.crt": b"a certificate\n",
    "command.pub": b"ed25519:AAAA\n",
    "policy.cose": bytes(range(64)),
}
TOKEN = {"enrol.token": b"00" * 32}
KEYS = {"tls.crt": b"a certificate\n", "tls.pem": b"a key\n", "sign.pem": b"a key\n", "open.pem": b"a key\n"}
Bend = Callable[[Any], Any]


@dataclass(frozen=True)
class BundleCase:
    """One file; the defaults give a good bundle."""

    name: str
    about: str
    expect: str = "opens"
    files: Mapping[str, bytes] = field(default_factory=lambda: dict(FILES))
    changes: Mapping[int, Any] = field(default_factory=dict)
    """of the manifest's fields"""
    signer: str = PROVISIONER
    verify_with: str = PROVISIONER
    bend_fields: Bend = unbent
    """of the manifest's map"""
    bend_protected: Bend = unbent
    """of the protected map"""
    bend_sign1: Bend = unbent
    """of the COSE_Sign1 array, after it is signed"""
    bend_files: Bend = unbent
    """of the archive's members, after the manifest is made: a list of name and content"""
    bend_info: Callable[[tarfile.TarInfo], None] = lambda _: None
    """of each member's header"""
    bend_blob: Bend = unbent
    """of the finished bytes"""


def bundle_blob(case: BundleCase) -> bytes:
    """The bundle's bytes."""
    members = [(MANIFEST, _manifest(case)), *case.files.items()]
    parts = [_entry(case, name, content) for name, content in case.bend_files(members)]
    return bytes(case.bend_blob(b"".join(parts) + bytes(1024)))


def _entry(case: BundleCase, name: str, content: bytes) -> bytes:
    """One member as GNU tar writes it: Python's leaves the numbers of a device empty."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    case.bend_info(info)
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[329:345] = b"0000000\0" * 2
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % 512)


def _manifest(case: BundleCase) -> bytes:
    key, own = signing(case.signer), signing(case.verify_with)
    fields = {
        1: 1,
        2: "london",
        3: "unit-0042",
        4: MADE,
        5: MADE + 90 * 86_400,
        6: [[name, len(data), hashlib.sha256(data).digest()] for name, data in case.files.items()],
        7: "unit-0042",
        8: "carry",
        9: None,
        10: verify_key(case.verify_with),
        **case.changes,
    }
    header = {1: own.alg, 4: kid(own.public), 16: "application/anpr-bundle+cose"}
    protected = encode(case.bend_protected(header))
    payload = encode(case.bend_fields(fields))
    signature = key.sign(encode(["Signature1", protected, b"", payload]))
    return encode(cbor2.CBORTag(18, case.bend_sign1([protected, {}, payload, signature])))


def _content(name: str, new: Bend) -> Bend:
    """Change one member's content after the manifest is made."""
    return lambda members: [(one, new(data) if one == name else data) for one, data in members]


def _renamed(old: str, new: str) -> Bend:
    return lambda members: [(new if one == old else one, data) for one, data in members]


def _header(**values: Any) -> Callable[[tarfile.TarInfo], None]:
    """Change the second member's header."""

    def bend(info: tarfile.TarInfo) -> None:
        if info.name == "unit.toml":
            for name, value in values.items():
                setattr(info, name, value)

    return bend


def _but(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    return {one: content for one, content in files.items() if one != name}


def _bad(name: str, about: str, changes: Mapping[int, Any]) -> BundleCase:
    return BundleCase(name, about, "malformed", changes=changes)


def _named(name: str, about: str, files: Mapping[str, bytes], **more: Any) -> BundleCase:
    """A manifest that names what is there, which is not what a bundle holds."""
    return BundleCase(name, about, "members", files=files, **more)


BUNDLES = (
    BundleCase("good", "Configuration, trust, command key and policy; the request is carried."),
    BundleCase(
        "good-least", "Configuration and trust alone.", files={k: FILES[k] for k in ("unit.toml", "ca.crt")}
    ),
    BundleCase(
        "good-token",
        "It enrols by token.",
        files={**FILES, **TOKEN},
        changes={8: "token", 9: ["broker.example", 8884]},
    ),
    BundleCase(
        "good-keys", "Keys and certificate are in it.", files={**FILES, **KEYS}, changes={8: "included"}
    ),
    BundleCase("good-year", "Good for 366 days.", changes={5: MADE + YEAR_S}),
    BundleCase("shape-truncated", "The last byte is missing.", "truncated", bend_blob=lambda b: b[:-1]),
    BundleCase("shape-half", "Half of it.", "truncated", bend_blob=lambda b: b[: len(b) // 2]),
    BundleCase("shape-empty", "Nothing.", "truncated", bend_blob=lambda _: b""),
    BundleCase("shape-trailing", "One byte too many.", "malformed", bend_blob=lambda b: b + b"\0"),
    BundleCase(
        "shape-padded",
        "Padded to 10,240 bytes, as tar does.",
        "malformed",
        bend_blob=lambda b: b.ljust(10_240, b"\0"),
    ),
    BundleCase("shape-oversize", "200,000 bytes.", "oversize", bend_blob=lambda b: b.ljust(200_000, b"\0")),
    BundleCase(
        "shape-no-archive", "No archive.", "malformed", bend_blob=lambda _: b"PK\x03\x04".ljust(2048, b"x")
    ),
    BundleCase("header-time", "A member with a time.", "malformed", bend_info=_header(mtime=1)),
    BundleCase("header-mode", "A member that others may read.", "malformed", bend_info=_header(mode=0o644)),
    BundleCase("header-owner", "A member with an owner.", "malformed", bend_info=_header(uname="root")),
    BundleCase(
        "header-link",
        "A member that is a symbolic link.",
        "malformed",
        bend_info=_header(type=tarfile.SYMTYPE, linkname="/etc/shadow"),
    ),
    BundleCase(
        "header-checksum", "A header's checksum is wrong.", "malformed", bend_blob=lambda b: flipped(b, 150)
    ),
    BundleCase(
        "path-absolute",
        "A member named by an absolute path.",
        "members",
        bend_files=_renamed("unit.toml", "/etc/unit.toml"),
    ),
    BundleCase(
        "path-parent",
        "A member that climbs out of its folder.",
        "members",
        bend_files=_renamed("unit.toml", "../unit.toml"),
    ),
    BundleCase(
        "path-dot", "./ before a member's name.", "members", bend_files=_renamed("unit.toml", "./unit.toml")
    ),
    BundleCase(
        "members-unknown", "A member nobody knows.", "members", bend_files=lambda m: [*m, ("extra", b"x")]
    ),
    BundleCase("members-twice", "A member twice.", "members", bend_files=lambda m: [*m[:2], *m[1:]]),
    BundleCase(
        "members-order",
        "Two members in the other order.",
        "members",
        bend_files=lambda m: [m[0], m[2], m[1], *m[3:]],
    ),
    BundleCase(
        "members-manifest-last", "The manifest comes last.", "members", bend_files=lambda m: [*m[1:], m[0]]
    ),
    BundleCase("members-no-manifest", "No manifest.", "members", bend_files=lambda m: m[1:]),
    BundleCase(
        "members-unnamed",
        "A member that the manifest does not name.",
        "members",
        bend_files=lambda m: [*m, *TOKEN.items()],
    ),
    BundleCase(
        "members-gone", "A member that the manifest names is gone.", "members", bend_files=lambda m: m[:-1]
    ),
    _named("members-no-trust", "No ca.crt, and the manifest agrees.", _but(FILES, "ca.crt")),
    _named("members-token-spare", "A token, and the request is carried.", {**FILES, **TOKEN}),
    _named(
        "members-token-missing",
        "Enrolment by token, and none.",
        dict(FILES),
        changes={8: "token", 9: ["broker.example", 8884]},
    ),
    _named(
        "members-keys-half",
        "Keys without a certificate.",
        {**FILES, **_but(KEYS, "tls.crt")},
        changes={8: "included"},
    ),
    BundleCase(
        "member-oversize",
        "A command.pub of 257 bytes.",
        "oversize",
        bend_files=_content("command.pub", lambda _: bytes(257)),
    ),
    BundleCase(
        "content-flipped",
        "One bit of unit.toml changed.",
        "contents",
        bend_files=_content("unit.toml", lambda d: flipped(d, 9)),
    ),
    BundleCase(
        "content-longer",
        "One byte more in unit.toml.",
        "contents",
        bend_files=_content("unit.toml", lambda d: d + b"#"),
    ),
    BundleCase(
        "manifest-type",
        "Another typ.",
        "malformed",
        bend_protected=lambda p: {**p, 16: "application/anpr-command+cose"},
    ),
    BundleCase(
        "manifest-kid", "Another key's kid.", "unknown-key", bend_protected=lambda p: {**p, 4: bytes(8)}
    ),
    BundleCase("manifest-algorithm", "EdDSA (-8).", "malformed", bend_protected=lambda p: {**p, 1: -8}),
    BundleCase(
        "manifest-unsigned-label",
        "A label in the unprotected bucket.",
        "malformed",
        bend_sign1=nth(1, {4: bytes(8)}),
    ),
    BundleCase("signature-other-key", "Signed by the unit.", "signature", signer="unit"),
    BundleCase(
        "signature-flipped", "One bit of it changed.", "signature", bend_sign1=nth(3, lambda s: flipped(s, 0))
    ),
    BundleCase(
        "signature-payload",
        "The manifest changed after it was signed.",
        "signature",
        bend_sign1=nth(2, lambda p: p.replace(b"unit-0042", b"unit-0043")),
    ),
    _bad("field-format", "Format 2.", {1: 2}),
    BundleCase("field-missing", "No host name.", "malformed", bend_fields=lambda f: without(f, 7)),
    _bad("field-unknown", "An eleventh field.", {11: 0}),
    _bad("field-fleet", "A fleet's name with a slash in it.", {2: "a/b"}),
    _bad("field-unit", "A unit's name in capitals.", {3: "Unit"}),
    _bad("field-until-before", "Good until it was made.", {5: MADE}),
    _bad("field-until-late", "Good for more than 366 days.", {5: MADE + YEAR_S + 1}),
    _bad("field-hostname", "A host name with a dot.", {7: "a.b"}),
    _bad("field-enrolment", "An enrolment nobody knows.", {8: "magic"}),
    _bad("field-enrolment-list", "An enrolment that is a list.", {8: ["carry"]}),
    _bad(
        "field-listener", "A broker to enrol at, and the request is carried.", {9: ["broker.example", 8884]}
    ),
    _bad("field-key", "Names another key than signed it.", {10: verify_key("unit")}),
)
