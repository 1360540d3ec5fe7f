"""A unit's end: its data wiped, a signed proof written, its keys destroyed; finished also after a power cut.

First a note is kept of what there was; from then on the unit will be retired, whatever happens. The keys that
sign the proof go last, so that it says what has been done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anpr_edge import __version__, auditlog
from anpr_edge.config import Config
from anpr_edge.durable import PRIVATE, finish_wiping, wipe, write_whole
from anpr_edge.errors import AnprError, KeyFileError, OutboxError, reason
from anpr_edge.firstboot.places import Places
from anpr_edge.firstboot.standing import last_taken
from anpr_edge.outbox.view import open_view
from anpr_edge.records import Instant
from anpr_edge.seal.certificates import read_certificate
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.retirement import write_proof
from anpr_edge.seal.tls_request import TlsKey
from anpr_edge.seal.tpm import clear_tpm, is_in_tpm, load_signing_key

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Left:
    """Sealed reads of one feed that are still here: never sent, and sent but not confirmed by the centre."""

    unsent: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class Retiring:
    """What there was when the retirement began. Paths are the unit's own; `left` None: nobody can tell.

    `page` is the proof, once it is signed."""

    fleet: str
    unit: str
    utc_s: int
    keys_dir: str
    tls_key: str
    files: tuple[str, ...]
    tpm: str | None
    verify_key: str
    open_key: str
    serial: str
    left: Mapping[str, Any] | None
    audit_entries: int
    audit_head: str
    own_anchor: bool
    page: str = ""

    def save(self, places: Places) -> None:
        """Keep the note. Raises: OSError."""
        document = json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1)
        write_whole(places.retiring, document.encode(), PRIVATE)


def reads_left(config: Config, places: Places, now: Instant) -> dict[str, Left] | None:
    """The reads that would be lost, by feed; None when the outbox cannot be read."""
    path = places.at(config.outbox.path)
    if not path.exists():
        return {}
    try:
        with open_view(path) as view:
            stats = view.stats(now)
    except OutboxError:
        return None
    return {feed: Left(one.waiting, one.sent) for feed, one in stats.items()}


def begun(places: Places) -> Retiring | None:
    """A retirement that was cut short; None when there is none. Raises: AnprError for a damaged note."""
    path = places.retiring
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.pop("schema") != SCHEMA:
            raise ValueError("of another version")
        return replace(Retiring(**document), files=tuple(document["files"]))
    except FileNotFoundError:
        return None
    except PermissionError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        hint = "finish by hand: wipe /var/lib/anpr-edge and /etc/anpr-edge"
        raise AnprError(f"{path}: not the note of a retirement: {reason(error)}", hint=hint) from None


def begin(config: Config, places: Places, now: Instant, left: Mapping[str, Left] | None) -> Retiring:
    """Note what there is; from here on the unit will be retired.

    Raises: KeyFileError when it has no keys to sign the proof with, AnprError when nothing can be written.
    """
    unit, broker = config.unit, config.broker
    keys = places.at(unit.keys_dir)
    log = places.state / auditlog.AUDIT_FILE
    verify_key = VerifyKey.load(keys / "sign.pub")
    with closing(load_signing_key(keys / "sign.pem", unit.tpm)) as signing_key:
        if signing_key.public != verify_key:
            raise KeyFileError(f"{keys}: sign.pub is not the public half of sign.pem", hint="anpr-edge init")
    TlsKey.load(places.at(broker.key_file))
    with auditlog.in_turn(places.state):
        auditlog.append(log, now.utc_ns, auditlog.RETIRED, {"unit": f"{unit.fleet}/{unit.id}"})
        audit = auditlog.read_audit(log)
    last, policy = last_taken(places), config.policy
    elsewhere = (config.outbox.path, broker.ca_file, broker.cert_file, config.commands.key_file)
    retiring = Retiring(
        fleet=unit.fleet,
        unit=unit.id,
        utc_s=now.utc_ns // 10**9,
        keys_dir=str(unit.keys_dir),
        tls_key=str(broker.key_file),
        files=tuple(map(str, (*elsewhere, *((policy.file,) if policy else ())))),
        tpm=unit.tpm if is_in_tpm((keys / "sign.pem").read_bytes()) else None,
        verify_key=verify_key.text,
        open_key=_text_of(keys / "open.pub"),
        serial=_serial_of(places.at(broker.cert_file)),
        left=None if left is None else {feed: asdict(one) for feed, one in left.items()},
        audit_entries=len(audit.entries),
        audit_head=audit.head,
        own_anchor=last is not None and not last.anchored,
    )
    retiring.save(places)
    return retiring


def finish(retiring: Retiring, places: Places) -> tuple[str, str]:
    """Wipe, prove, destroy; returns the proof's page, and why the TPM was not cleared, or nothing.

    Raises: AnprError when something cannot be wiped; the next call goes on from there.
    """
    signing = places.at(Path(retiring.keys_dir)) / "sign.pem"
    tls = places.at(Path(retiring.tls_key))
    try:
        _wipe_data(retiring, places, keep={signing, tls})
        if not retiring.page:
            with closing(load_signing_key(signing, retiring.tpm)) as signing_key:
                page = write_proof(_fields(retiring), signing_key, TlsKey.load(tls))
            retiring = replace(retiring, page=page)
            retiring.save(places)
        for path in (signing, tls):
            wipe(path)
        trouble = _clear(retiring.tpm)
        if retiring.own_anchor:
            places.anchor.unlink(missing_ok=True)
        return retiring.page, trouble
    except OSError as error:
        where = error.filename or places.state
        raise AnprError(
            f"{where}: {reason(error)}; the unit is half retired",
            hint="mend it and run anpr-edge retire again",
        ) from None


def forget(places: Places) -> None:
    """The proof is in other hands: nothing of the unit stays. Raises: OSError."""
    places.retiring.unlink(missing_ok=True)
    if places.work.is_dir():
        places.work.rmdir()
    for folder, _, _ in os.walk(places.state, topdown=False):
        if Path(folder) != places.state and not any(Path(folder).iterdir()):
            Path(folder).rmdir()


def _wipe_data(retiring: Retiring, places: Places, keep: set[Path]) -> None:
    """The state folder, whatever is in it, and what the configuration had elsewhere; itself last."""
    inside = [Path(folder) / name for folder, _, names in os.walk(places.state) for name in names]
    outside = [places.at(Path(file)) for file in retiring.files] + [places.hostname, places.config_file]
    outside += [places.config_before, places.pending, places.record, places.clock]
    for folder in {path.parent for path in outside}:
        finish_wiping(folder)
    for path in (*inside, *outside):
        if path not in keep:
            wipe(path)
    for suffix in (".csr", ".crt"):
        with suppress(OSError):  # a card that takes no writes; neither is a secret
            (places.card / f"{retiring.unit}{suffix}").unlink(missing_ok=True)


def _clear(tpm: str | None) -> str:
    """The key's file is gone; a copy of it would be worth something until the TPM is cleared."""
    if tpm is None:
        return ""
    try:
        clear_tpm(tpm)
    except KeyFileError as error:
        return f"{error}; {error.hint}"
    return ""


def _fields(retiring: Retiring) -> dict[str, str]:
    return {
        "unit": f"{retiring.fleet}/{retiring.unit}",
        "time": datetime.fromtimestamp(retiring.utc_s, UTC).isoformat(),
        "software": f"anpr-edge {__version__}",
        "certificate": retiring.serial or "none",
        "open key": retiring.open_key or "none",
        "keys in": "a TPM 2.0, cleared after this" if retiring.tpm else "files",
        **dict(_reads(retiring)),
        "audit log": f"{retiring.audit_entries} entries, the last is {retiring.audit_head}",
    }


def _reads(retiring: Retiring) -> Iterator[tuple[str, str]]:
    if retiring.left is None:
        yield "sealed reads destroyed", "unknown: the outbox could not be read"
        return
    unsent = sum(one["unsent"] for one in retiring.left.values())
    unconfirmed = sum(one["unconfirmed"] for one in retiring.left.values())
    yield "sealed reads destroyed", f"{unsent} never sent, {unconfirmed} sent and not confirmed"
    for feed, one in sorted(retiring.left.items()):
        yield f"of feed {feed}", f"{one['unsent']} never sent, {one['unconfirmed']} sent and not confirmed"


def _text_of(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


def _serial_of(path: Path) -> str:
    if not path.exists():
        return ""
    try:
        return f"{read_certificate(path).parsed.serial_number:x}"
    except KeyFileError:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"unreadable, SHA-256 {digest}"
