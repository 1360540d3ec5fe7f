"""A unit beside its broker on one machine, for the demo and the tests: its configuration and certificate.

What a real unit is given comes of the fleet folder (unitconfig.py, enrolment.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from anpr_edge.errors import KeyFileError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.commandkey import COMMAND_PUBLIC
from anpr_edge.seal.keys import VerifyKey

KEYS_DIR = "keys"
REQUEST_FILE = "tls.csr"
CERTIFICATE_FILE = "tls.crt"
TRUST_FILE = "ca.crt"


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """One feed as the unit's configuration states it; keys are public and in text form."""

    name: str
    purpose: str
    recipients: tuple[str, ...]
    ack_key: str
    retention_hours: int = 72

    def table(self) -> dict[str, Any]:
        return {
            "purpose": self.purpose,
            "recipients": list(self.recipients),
            "ack_key": self.ack_key,
            "retention_hours": self.retention_hours,
        }


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """Everything one unit's configuration file says beyond the defaults."""

    fleet: str
    unit: str
    site: str
    state_dir: Path
    run_dir: Path
    broker_host: str
    broker_port: int
    feeds: tuple[FeedPlan, ...]
    camera: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write the unit's TOML file, replacing an older one in one step."""
        keys = self.state_dir / KEYS_DIR
        document = {
            "unit": {
                "fleet": self.fleet,
                "id": self.unit,
                "state_dir": str(self.state_dir),
                "run_dir": str(self.run_dir),
            },
            "site": {"name": self.site},
            "camera": dict(self.camera),
            "feeds": {feed.name: feed.table() for feed in self.feeds},
            "broker": {
                "host": self.broker_host,
                "port": self.broker_port,
                "ca_file": str(keys / TRUST_FILE),
                "cert_file": str(keys / CERTIFICATE_FILE),
                "key_file": str(keys / "tls.pem"),
            },
        }
        draft = path.with_name(path.name + ".new")
        draft.write_text(tomli_w.dumps(document), encoding="utf-8")
        draft.replace(path)


def enrol(authority: Authority, state_dir: Path, unit: str, command_key: VerifyKey | None = None) -> Path:
    """Sign the certificate request that `anpr-edge init` left in `state_dir`; returns the certificate.

    With a `command_key` the unit will take the commands that it signs.

    Raises: KeyFileError when there is no request or it is not this unit's.
    """
    keys = state_dir / KEYS_DIR
    request = keys / REQUEST_FILE
    try:
        csr_pem = request.read_bytes()
    except OSError as error:
        raise KeyFileError(
            f"{request}: no certificate request for {unit}: {error.strerror}",
            hint="run anpr-edge init on the unit first",
        ) from error
    certificate = keys / CERTIFICATE_FILE
    certificate.write_bytes(authority.issue_csr(csr_pem, unit))
    (keys / TRUST_FILE).write_bytes(authority.cert_pem)
    if command_key is not None:
        (keys / COMMAND_PUBLIC).write_text(f"{command_key.text}\n", encoding="ascii")
    return certificate
