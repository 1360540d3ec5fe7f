"""Certificates of a fleet's units: from a request to the unit's file, and off again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cryptography import x509

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.filing import read_given
from anpr_edge.fleet.folder import FleetFolder, client_file
from anpr_edge.fleet.keysfolder import read_pem
from anpr_edge.fleet.revocation import RevokedList
from anpr_edge.fleet.unitrecord import FleetUnit, State
from anpr_edge.uplink import topics

LARGEST_REQUEST_BYTES = 16_384
"""A request for a P-256 key is some 400 bytes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A unit's newest certificate: when it ends, and whether it was revoked."""

    unit: str
    until: datetime
    revoked: bool


def enrol(folder: FleetFolder, authority: Authority, name: str, csr_pem: bytes) -> bytes:
    """Sign a unit's request; the folder remembers request, certificate and serial number. PEM in, PEM out.

    Certificates that the unit had before stay good until they end or are revoked.

    Raises: UsageError for a unit that is not there or is retired, KeyFileError for a request that is not this
    unit's.
    """
    return enrol_all(folder, authority, [(name, csr_pem)])[0]


def enrol_all(
    folder: FleetFolder, authority: Authority, requests: Sequence[tuple[str, bytes]]
) -> list[bytes]:
    """As `enrol`, for several units: all, or none when one request cannot be signed."""
    units, certificates = [], []
    files: dict[Path, bytes] = {}
    for name, csr_pem in requests:
        unit = folder.unit(name)
        if unit.state is State.RETIRED:
            raise UsageError(f"unit {name} is retired", hint="a new unit takes a new name")
        certificate = authority.issue_csr(csr_pem, name)
        serial = f"{x509.load_pem_x509_certificate(certificate).serial_number:x}"
        units.append(replace(unit, state=State.ENROLLED, serials=(*unit.serials, serial)))
        certificates.append(certificate)
        files |= {folder.certificate_file(name): certificate, folder.request_file(name): csr_pem}
    folder.save(units, files)
    return certificates


def read_request(path: Path) -> bytes:
    """A certificate request as it came from a unit. Raises: UsageError."""
    return read_given(path, LARGEST_REQUEST_BYTES, "certificate request")


def stored_request(folder: FleetFolder, name: str) -> bytes:
    """The request that a unit's certificate answers. Raises: UsageError when there is none."""
    path = folder.request_file(name)
    if not path.exists():
        raise UsageError(
            f"{path}: unit {folder.unit(name).name} has no request yet",
            hint="anpr-fleet enrol signs its first one",
        )
    return read_request(path)


def client_serials(folder: FleetFolder, name: str) -> tuple[str, ...]:
    """Of every certificate that a centre or other client got, in hex, the newest last.

    Raises: UsageError when there is no such client, KeyFileError when what is kept of it cannot be read.
    """
    path = client_file(folder, name)
    if not topics.is_name(name) or not path.exists():
        raise UsageError(
            f"{folder.directory}: no unit and no client {name}",
            hint="anpr-fleet unit list shows units; certificates/clients has the others",
        )
    return _serials_in(path)


def _serials_in(path: Path) -> tuple[str, ...]:
    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{path}: not certificates in PEM form", hint="restore it, from git") from error
    return tuple(f"{one.serial_number:x}" for one in certificates)


def standings(folder: FleetFolder) -> Iterator[Standing]:
    """Every enrolled unit's newest certificate. Raises: KeyFileError, ConfigError."""
    revoked = RevokedList.load(folder).serials
    for unit in folder.units():
        if unit.state is State.ENROLLED and unit.serials:
            certificate = read_pem(folder.certificate_file(unit.name))
            yield Standing(unit.name, certificate.not_valid_after_utc, unit.serials[-1] in revoked)


def shut_out(folder: FleetFolder) -> Iterator[str]:
    """Units, centres and others whose certificates are all revoked.

    Raises: KeyFileError, also for a file among the clients' that has no client's name; ConfigError.
    """
    revoked = RevokedList.load(folder).serials
    for unit in folder.units():
        if unit.serials and revoked.issuperset(unit.serials):
            yield unit.name
    for path in sorted(client_file(folder, "any").parent.glob("[!.]*.crt")):
        if not topics.is_name(path.stem):
            raise KeyFileError(
                f"{path}: no client has this name: {topics.NAME_HINT}",
                hint="move the file out of the folder; anpr-fleet consumer writes what belongs there",
            )
        if revoked.issuperset(_serials_in(path)):
            yield path.stem


def revoke(
    folder: FleetFolder,
    authority: Authority,
    unit: FleetUnit,
    why: x509.ReasonFlags,
    when: datetime,
    *,
    but_newest: bool = False,
    state: State = State.PLANNED,
) -> int:
    """Put a unit's certificates on the list, all or those before the newest; gives how many came to it.

    Without a certificate that is good the unit's state is `state`. Raises: KeyFileError.
    """
    listed = RevokedList.load(folder)
    serials = unit.serials[:-1] if but_newest else unit.serials
    new = [serial for serial in serials if serial not in listed.serials]
    kept = but_newest or unit.state is State.RETIRED
    after = unit if kept else replace(unit, state=state)
    folder.save([after], {listed.path: listed.with_more(authority, new, why, when)})
    return len(new)
