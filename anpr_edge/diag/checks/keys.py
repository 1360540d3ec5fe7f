"""Are the unit's keys and certificates there, its own, in good hands and in date?"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from anpr_edge.bundlefile import TICKET_FILE
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, not_checked, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import KeyFileError
from anpr_edge.seal.certificates import Certificate, public_key_of, read_certificate
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.tpm import load_signing_key

RENEW_BEFORE = timedelta(days=30)
"""A visit to the unit can be planned within this time."""

OPEN_MODE = stat.S_IRWXG | stat.S_IRWXO

SIGN_KEY = Condition(
    code="sign-key",
    title="The unit's signing key is there and private",
    severity=Severity.READS,
    explanation=(
        "Every read is signed with this key; without it nothing can be sealed. In a file (Ed25519), whoever "
        "else can read it can make reads in this unit's name; in a TPM (ECDSA P-256), it cannot be copied."
    ),
    depends_on=("config",),
    next_step="anpr-edge init makes the unit's keys; chmod 600 what is open to others",
)
SIGN_PUB = Condition(
    code="sign-pub",
    title="The uplink knows which key the reader signs with",
    severity=Severity.DELIVERY,
    explanation=(
        "The centre's watermarks name the key whose reads they cover. The uplink compares them to this "
        "file, the public half of the signing key; without it, it does not start, and with another no "
        "read is forgotten."
    ),
    depends_on=("sign-key",),
    next_step="remove sign.pub; then anpr-edge init, which writes it again; then restart the uplink",
)
TLS_KEY = Condition(
    code="tls-key",
    title="The unit's TLS key is there and private",
    severity=Severity.DELIVERY,
    explanation="The uplink proves with this key to the broker who it is.",
    depends_on=("config",),
    next_step="anpr-edge init makes the unit's keys; chmod 600 what is open to others",
)
CERTIFICATE = Condition(
    code="certificate",
    title="The certificate is this unit's, for this key, from the fleet's authority",
    severity=Severity.DELIVERY,
    explanation=(
        "The broker knows a unit by the common name of its certificate, and lets it write under that name "
        "alone. A certificate for another key or from another authority is refused."
    ),
    depends_on=("config", "tls-key"),
    next_step="have the fleet sign the unit's request (anpr-fleet enrol) and bring back tls.crt",
)
CERTIFICATE_DATES = Condition(
    code="certificate-dates",
    title="The certificate and the authority's are in date",
    severity=Severity.DELIVERY,
    explanation="When a certificate ends the broker stops talking to the unit. Renew it a month before.",
    depends_on=("certificate", "clock-date"),
    next_step="check the clock; then have the fleet sign the unit's request again (anpr-fleet enrol)",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The signing key and its public half, the TLS key, then the certificate, then its dates."""
    unit, broker = subject.config.unit, subject.config.broker
    sign_file = unit.state_dir / "keys" / "sign.pem"
    yield _private_key(SIGN_KEY, sign_file, partial(_sign_key_name, sign_file, unit.tpm))
    yield _public_half(sign_file, sign_file.with_suffix(".pub"), unit.tpm)
    yield _private_key(TLS_KEY, broker.key_file, partial(public_key_of, broker.key_file))
    try:
        authority = read_certificate(broker.ca_file)
    except KeyFileError as error:
        step = f"copy ca.crt from the fleet's authority to {broker.ca_file}"
        yield fail(CERTIFICATE, str(error), next_step=step)
        return
    try:
        certificate = read_certificate(broker.cert_file)
        matching = certificate.public_key == public_key_of(broker.key_file)
    except KeyFileError as error:
        yield fail(CERTIFICATE, str(error), next_step=_enrol(broker.cert_file, unit.id))
        return
    finding = _belongs(certificate, authority, unit.id, matching=matching, file=broker.cert_file)
    yield finding
    now = datetime.fromtimestamp(subject.clock.now().utc_ns / 1e9, UTC)
    yield _dates((certificate, authority), now, _enrol(broker.cert_file, unit.id))


def _sign_key_name(path: Path, tpm: str | None) -> str:
    with closing(load_signing_key(path, tpm)) as key:
        return key.public.text


def _public_half(private: Path, public: Path, tpm: str | None) -> Finding:
    step = f"rm -f {public}; then anpr-edge init, which writes it again; then restart the uplink"
    try:
        matching = VerifyKey.load(public).text == _sign_key_name(private, tpm)
    except KeyFileError as error:
        if not os.access(private, os.R_OK):
            hint = "run it as root: sudo anpr-edge doctor"
            return not_checked(SIGN_PUB, f"{private}: this user may not read it", next_step=hint)
        return fail(SIGN_PUB, str(error), next_step=step)
    if not matching:
        return fail(SIGN_PUB, f"{public}: not the public half of {private.name}", next_step=step)
    return ok(SIGN_PUB, str(public))


def _private_key(condition: Condition, path: Path, load: Callable[[], object]) -> Finding:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & OPEN_MODE:
            step = f"chmod 600 {path}; treat the key as known to others, and make a new one when it matters"
            return fail(condition, f"{path}: mode {mode:04o}", limit="0600", next_step=step)
        with path.open("rb"):
            pass
        name = load()
    except PermissionError:
        step = "run it as root: sudo anpr-edge doctor"
        return not_checked(condition, f"{path}: this user may not read it", next_step=step)
    except FileNotFoundError:
        return fail(condition, f"{path}: no such file", next_step="anpr-edge init makes the unit's keys")
    except (OSError, KeyFileError) as error:
        step = "move it away, make new keys with anpr-edge init, and enrol the unit again"
        return fail(condition, str(error), next_step=step)
    return ok(condition, name if isinstance(name, str) else str(path))


def _belongs(
    certificate: Certificate, authority: Certificate, unit: str, *, matching: bool, file: Path
) -> Finding:
    trouble = ""
    if certificate.common_name != unit:
        trouble = f"it names {certificate.common_name}, the configuration says {unit}"
    elif not matching:
        trouble = "it was issued for another key"
    elif not certificate.is_issued_by(authority):
        trouble = "broker.ca_file did not issue it"
    if trouble:
        return fail(CERTIFICATE, f"{file}: {trouble}", next_step=_enrol(file, unit))
    return ok(CERTIFICATE, f"{file}: {unit}")


def _dates(certificates: tuple[Certificate, ...], now: datetime, renew: str) -> Finding:
    start = max(certificate.not_before for certificate in certificates)
    end = min(certificate.not_after for certificate in certificates)
    measured = f"good from {start:%Y-%m-%d} to {end:%Y-%m-%d}"
    if now < start:
        return fail(CERTIFICATE_DATES, measured, next_step="check the clock; then have it issued again")
    if now >= end:
        return fail(CERTIFICATE_DATES, measured, next_step=renew)
    if end - now < RENEW_BEFORE:
        limit = f"{RENEW_BEFORE.days} days ahead"
        days = (end - now).days
        return warn(CERTIFICATE_DATES, f"{measured}, {days} days left", limit=limit, next_step=renew)
    return ok(CERTIFICATE_DATES, measured)


def _enrol(certificate: Path, unit: str) -> str:
    if certificate.with_name(TICKET_FILE).exists():
        return "it enrols by itself with its token: sudo anpr-edge enrol --once says how far it comes"
    request = certificate.with_suffix(".csr")
    command = f"anpr-fleet enrol {request.name} --fleet-dir FLEET --unit {unit}"
    return f"have the fleet sign {request}: {command}; bring back {certificate.name}"


CHECK = Check("keys", (SIGN_KEY, SIGN_PUB, TLS_KEY, CERTIFICATE, CERTIFICATE_DATES), run)
