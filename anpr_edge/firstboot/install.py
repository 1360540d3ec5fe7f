"""Makes the unit what its bundle says, in steps that a power cut may come between.

First the accepted bundle itself is kept, whole; from then on it will be installed, whatever happens. Each
step after that leaves the same when it is done twice, and the kept bundle goes last: a run that was cut short
is finished by the next one, before the reader and the uplink start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anpr_edge import auditlog, bundlefile
from anpr_edge.config import Config
from anpr_edge.durable import PRIVATE, replace_like, wipe, write_whole
from anpr_edge.errors import AnprError, reason
from anpr_edge.firstboot import certificate
from anpr_edge.firstboot.areas import Settled, settle_areas
from anpr_edge.firstboot.certificate import Papers, Ticket
from anpr_edge.firstboot.judge import Accepted, bundles_in
from anpr_edge.firstboot.places import Places
from anpr_edge.firstboot.standing import Record
from anpr_edge.seal.manifest import Enrolment


@dataclass(frozen=True, slots=True)
class Identity:
    """The unit's own keys, as they were made or found."""

    verify_key: str
    open_key: str
    request: Path


MakeKeys = Callable[[Accepted], Identity]
"""Makes the keys that are missing, as `anpr-edge init` does."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of it. `request` is the certificate request on the card, when one is needed there;
    `areas` says what became of the unit's own, when it had some."""

    identity: Identity
    request: Path | None
    areas: Sequence[str] = ()


def papers_of(config: Config, places: Places) -> Papers:
    """The unit's TLS files as its configuration names them."""
    trust, own, key = map(places.at, (config.broker.ca_file, config.broker.cert_file, config.broker.key_file))
    return Papers(config.unit.id, trust, own, key, places.at(config.unit.state_dir))


def install(accepted: Accepted, blob: bytes, places: Places, utc_ns: int, make_keys: MakeKeys) -> Installed:
    """Install a bundle, and take it from the card. `blob` is the bundle's file.

    Raises: AnprError when a place cannot be written; the next run goes on from there.
    """
    papers = papers_of(accepted.config, places)
    try:
        write_whole(places.pending, blob, PRIVATE)
        places.state.mkdir(parents=True, exist_ok=True)
        areas = settle_areas(accepted.bundle.members[bundlefile.CONFIG], places.config_file)
        _enter(accepted, places, utc_ns, areas.words)
        _write_trust(accepted, papers, places)
        identity = make_keys(accepted)
        _write_configuration(accepted, places, areas)
        _record(accepted, utc_ns).save(places)
        if not accepted.anchored:
            write_whole(places.anchor, f"{accepted.bundle.key.text}\n".encode())
        request = _leave_request(papers, identity, accepted, places)
        for path in bundles_in(places.card):
            if hashlib.sha256(path.read_bytes()).hexdigest() == accepted.bundle.sha256:
                wipe(path)
        wipe(places.pending)
    except OSError as error:
        begun = places.pending.exists()
        so = "the bundle is kept, and will be installed" if begun else "nothing was changed"
        raise AnprError(
            f"{error.filename or places.state}: {reason(error)}; {so}",
            hint="see that it can be written and has room, and run anpr-edge provision again",
        ) from None
    return Installed(identity, request, areas.words)


def _enter(accepted: Accepted, places: Places, utc_ns: int, areas: Sequence[str]) -> None:
    """Into the audit log, once for a bundle, however often its installation is begun."""
    bundle, log = accepted.bundle, places.state / auditlog.AUDIT_FILE
    with auditlog.in_turn(places.state):
        entries = auditlog.read_audit(log).entries
        taken = [entry.get("sha256") for entry in entries if entry["event"] == auditlog.PROVISIONED]
        if taken[-1:] == [bundle.sha256]:
            return
        anchor = (
            "the image's trust anchor" if accepted.anchored else "the first bundle to come: no trust anchor"
        )
        details = {
            "unit": bundle.unit,
            "sha256": bundle.sha256,
            "made_utc_s": bundle.manifest.made_utc_s,
            "key": bundle.key.text,
            "changes": [f"believed by {anchor}", f"enrolment by {bundle.manifest.enrolment}", *areas],
        }
        auditlog.append(log, utc_ns, auditlog.PROVISIONED, details)


def _write_trust(accepted: Accepted, papers: Papers, places: Places) -> None:
    members, config = accepted.bundle.members, accepted.config
    keys = places.at(config.unit.keys_dir)
    keys.parent.mkdir(parents=True, exist_ok=True)
    keys.mkdir(mode=0o700, exist_ok=True)
    write_whole(papers.trust, members[bundlefile.TRUST])
    if bundlefile.COMMAND_KEY in members:
        write_whole(places.at(config.commands.key_file), members[bundlefile.COMMAND_KEY])
    if accepted.bundle.manifest.enrolment is Enrolment.INCLUDED:
        for name in (bundlefile.SIGN_KEY, bundlefile.OPEN_KEY):
            write_whole(keys / name, members[name], PRIVATE)
        write_whole(papers.key, members[bundlefile.TLS_KEY], PRIVATE)
        write_whole(papers.certificate, members[bundlefile.CERTIFICATE])


def _write_configuration(accepted: Accepted, places: Places, areas: Settled) -> None:
    """After all else, the configuration last: when it is there, all that it names is."""
    members, policy = accepted.bundle.members, accepted.config.policy
    if policy is not None:
        write_whole(places.at(policy.file), members[bundlefile.POLICY])
    write_whole(places.hostname, f"{accepted.bundle.manifest.hostname}\n".encode())
    if areas.lost is not None:
        replace_like(places.config_before, areas.lost, places.config_file.stat())
    write_whole(places.config_file, areas.config)


def _record(accepted: Accepted, utc_ns: int) -> Record:
    bundle = accepted.bundle
    return Record(
        fleet=bundle.manifest.fleet,
        unit=bundle.manifest.unit,
        sha256=bundle.sha256,
        made_utc_s=bundle.manifest.made_utc_s,
        key=bundle.key.text,
        anchored=accepted.anchored,
        enrolment=str(bundle.manifest.enrolment),
        utc_s=utc_ns // 10**9,
    )


def _leave_request(papers: Papers, identity: Identity, accepted: Accepted, places: Places) -> Path | None:
    """What the unit needs to come by a certificate, unless it has one: a token, its request on the card."""
    manifest = accepted.bundle.manifest
    if not certificate.trouble(papers):
        return None
    if manifest.enrolment is Enrolment.TOKEN and manifest.listener is not None:
        token = bytes.fromhex(accepted.bundle.members[bundlefile.TOKEN].decode("ascii"))
        Ticket(token, *manifest.listener).save(papers.ticket)
    on_card = places.card / f"{manifest.unit}.csr"
    write_whole(on_card, identity.request.read_bytes())
    return on_card
