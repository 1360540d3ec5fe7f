"""The unit's certificate: whether it has one that is its own, and taking the one that came for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anpr_edge import auditlog
from anpr_edge.bundlefile import TICKET_FILE
from anpr_edge.durable import PRIVATE, wipe, write_whole
from anpr_edge.errors import AnprError, KeyFileError, reason
from anpr_edge.seal.certificates import parse_certificate, public_key_of, read_certificate
from anpr_edge.seal.tls_request import requested_key

LONGEST_BYTES: Final = 16_384
TICKET_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Papers:
    """A unit's TLS files, as they are reached from here, and whose they are to be."""

    unit: str
    trust: Path
    certificate: Path
    key: Path
    state: Path

    @property
    def request(self) -> Path:
        """The request for its key, which everybody may read."""
        return self.key.with_name("tls.csr")

    @property
    def ticket(self) -> Path:
        """Where the token for enrolling waits, when there is one."""
        return self.key.with_name(TICKET_FILE)


def trouble(papers: Papers) -> str:
    """Why the unit needs a certificate, or nothing when it has its own."""
    path = papers.certificate
    if not path.exists():
        return "have the certificate request signed"
    try:
        certificate = read_certificate(path)
        if certificate.common_name != papers.unit:
            return f"{path} names {certificate.common_name}: have the request signed"
        if certificate.public_key != public_key_of(papers.key):
            return f"{path} is for another key: have the request signed"
    except KeyFileError as error:
        return str(error)
    return ""


def take(pem: bytes, where: str, papers: Papers, utc_ns: int) -> str:
    """Take a certificate that came for this unit; returns its serial number, in hex.

    Raises: KeyFileError when it is not for this unit's key, from its authority and in date, AnprError when it
    cannot be kept.
    """
    if len(pem) > LONGEST_BYTES:
        raise KeyFileError(f"{where}: {len(pem)} bytes, at most {LONGEST_BYTES} are a certificate")
    certificate = parse_certificate(pem, where)
    if certificate.common_name != papers.unit:
        raise KeyFileError(
            f"{where}: names {certificate.common_name!r}, and this unit is {papers.unit}",
            hint="take the certificate to the unit it was made for",
        )
    if certificate.public_key != requested_key(papers.request):
        raise KeyFileError(f"{where}: is for another key than {papers.request}", hint=_HINT)
    if not certificate.is_issued_by(read_certificate(papers.trust)):
        raise KeyFileError(f"{where}: not from the authority in {papers.trust}", hint=_HINT)
    if certificate.not_after.timestamp() < utc_ns / 1e9:
        raise KeyFileError(f"{where}: expired on {certificate.not_after:%Y-%m-%d}", hint=_HINT)
    serial = f"{certificate.parsed.serial_number:x}"
    _enter(papers, utc_ns, {"serial": serial, "until": f"{certificate.not_after:%Y-%m-%d}"})
    try:
        write_whole(papers.certificate, pem)
        wipe(papers.ticket)
    except OSError as error:
        raise AnprError(
            f"{error.filename or papers.certificate}: {reason(error)}", hint="run it as root"
        ) from None
    return serial


_HINT = "sign this unit's own request: anpr-fleet enrol"


def _enter(papers: Papers, utc_ns: int, details: Mapping[str, Any]) -> None:
    log = papers.state / auditlog.AUDIT_FILE
    with auditlog.in_turn(papers.state):
        entered = [entry for entry in auditlog.read_audit(log).entries if entry["event"] == auditlog.ENROLLED]
        if not entered or entered[-1].get("serial") != details["serial"]:
            auditlog.append(log, utc_ns, auditlog.ENROLLED, details)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a unit enrols with over MQTT: a secret that works once, and where."""

    token: bytes
    host: str
    port: int

    def save(self, path: Path) -> None:
        """Keep it, for root alone. Raises: OSError."""
        where = {"token": self.token.hex(), "host": self.host, "port": self.port}
        write_whole(path, json.dumps({"schema": TICKET_SCHEMA, **where}).encode() + b"\n", PRIVATE)

    def __repr__(self) -> str:
        return f"Ticket(for {self.host}:{self.port})"


def read_ticket(path: Path) -> Ticket | None:
    """The token that waits at `path`; None when there is none.

    Raises: KeyFileError when it is no token, PermissionError when it is not for this user.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="ascii"))
        if document["schema"] != TICKET_SCHEMA:
            raise ValueError("of another version")
        return Ticket(bytes.fromhex(document["token"]), str(document["host"]), int(document["port"]))
    except FileNotFoundError:
        return None
    except PermissionError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise KeyFileError(
            f"{path}: no token to enrol with: {reason(error)}", hint="take a new bundle"
        ) from None
