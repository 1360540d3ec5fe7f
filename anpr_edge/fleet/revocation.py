"""Which certificates of a fleet are not to be believed any more: authority/crl.pem, which brokers take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from anpr_edge.errors import KeyFileError, reason
from anpr_edge.fleet.authority import CERTIFICATE_FILE, Authority
from anpr_edge.fleet.filing import write_all
from anpr_edge.fleet.folder import REVOKED_FILE, FleetFolder
from anpr_edge.fleet.keysfolder import read_pem

REASONS = {
    "key-compromise": x509.ReasonFlags.key_compromise,
    "superseded": x509.ReasonFlags.superseded,
    "cessation": x509.ReasonFlags.cessation_of_operation,
    "unspecified": x509.ReasonFlags.unspecified,
}
"""Why a certificate may be revoked. Source: RFC 5280 §5.3.1."""


@dataclass(frozen=True, slots=True)
class RevokedList:
    """The list as it stands; the file is the only record of it."""

    path: Path
    entries: tuple[x509.RevokedCertificate, ...]

    @classmethod
    def load(cls, folder: FleetFolder) -> RevokedList:
        """A fleet's list. Raises: KeyFileError when it is missing, damaged or not its authority's."""
        path = folder.authority_dir / REVOKED_FILE
        try:
            listed = x509.load_pem_x509_crl(path.read_bytes())
        except OSError as error:
            raise KeyFileError(f"{path}: {reason(error)}", hint="restore it, from git for one") from error
        except ValueError as error:
            raise KeyFileError(
                f"{path}: not a list of revoked certificates in PEM form", hint="restore it, from git for one"
            ) from error
        if not listed.is_signature_valid(read_pem(folder.authority_dir / CERTIFICATE_FILE).public_key()):  # type: ignore[arg-type]
            raise KeyFileError(
                f"{path}: not signed by the fleet's authority", hint="restore it, from git for one"
            )
        return cls(path, tuple(listed))

    def put(self, authority: Authority, serials: Iterable[str], why: x509.ReasonFlags, when: datetime) -> int:
        """Write the list with more certificates on it; gives how many came to it. Raises: KeyFileError."""
        new = [serial for serial in serials if serial not in self.serials]
        write_all({self.path: self.with_more(authority, new, why, when)})
        return len(new)

    @property
    def serials(self) -> frozenset[str]:
        """The serial numbers in it, in hex."""
        return frozenset(f"{entry.serial_number:x}" for entry in self.entries)

    def with_more(
        self, authority: Authority, serials: Iterable[str], why: x509.ReasonFlags, when: datetime
    ) -> bytes:
        """The list with more certificates on it, signed anew; one that is on it already keeps its date."""
        known = self.serials
        more = [_entry(int(serial, 16), why, when) for serial in serials if serial not in known]
        return authority.revocation_list(sorted((*self.entries, *more), key=lambda one: one.serial_number))


def _entry(serial: int, why: x509.ReasonFlags, when: datetime) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
    if why is not x509.ReasonFlags.unspecified:
        builder = builder.add_extension(x509.CRLReason(why), critical=False)
    return builder.build()
