"""`anpr-edge provision`: a prepared card becomes a unit of its fleet.

`--json`: {"schema": 1, "unit", "taken", "sha256", "anchored", "enrolment", "clock_behind_s", "verify_key",
"open_key", "areas": [WORDS], "request", "certificate"}; what does not apply is null or not there.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.needs_root import needing_root
from anpr_edge.cli.output import json_line, note
from anpr_edge.errors import AnprError, BundleError, BundleRefusal

if TYPE_CHECKING:
    from anpr_edge.firstboot.install import Identity, MakeKeys
    from anpr_edge.firstboot.judge import Accepted
    from anpr_edge.firstboot.places import Places
    from anpr_edge.firstboot.provision import Provisioned

SCHEMA = 1
DEFAULT_CARD = "/boot/firmware/anpr"
TEXT = """Take what the workshop has put on the card: a bundle, which makes this machine a unit of
its fleet, or the certificate UNIT.crt that answers the unit's request. The bundle is checked
against the fleet's provision key in /etc/anpr-edge/provision.pub; configuration, trust and policy
are put in their places, the unit makes its own keys, and leaves its certificate request beside
the bundle, as UNIT.csr. The bundle is then wiped. A run that was cut short is finished by the
next one. Areas that were drawn on this unit stay, unless the bundle has some of its own. At each boot
anpr-edge-provision.service does this by itself; between two, start that service: it also gives each
key to the service that needs it.

  sudo systemctl start anpr-edge-provision
  sudo anpr-edge provision --from /media/stick/anpr"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `provision`."""
    parser = subparsers.add_parser(
        "provision",
        help="take the workshop's bundle, or a certificate, from the card",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--from",
        dest="card",
        type=Path,
        metavar="DIR",
        help=f"the folder that the bundle is in ({DEFAULT_CARD})",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="make a unit of the system below here (/)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Take the bundle, then the certificate; whichever there is."""
    with needing_root():
        return _run(arguments)


def _run(arguments: Namespace) -> int:
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.firstboot.places import Places
    from anpr_edge.firstboot.provision import finish_clearing, provision

    root: Path = arguments.root.absolute()
    card = arguments.card or root / DEFAULT_CARD.lstrip("/")
    places, clock = Places(root, card.absolute()), SystemClock()
    cleared = finish_clearing(places)
    done = provision(places, clock, _make_keys(places), note)
    serial = _take_certificate(places, clock.now().utc_ns)
    if done is None and serial is None and not cleared:
        raise BundleError(
            BundleRefusal.NONE,
            f"{places.card}: no bundle, and no certificate for this unit",
            hint="anpr-fleet unit bundle makes one; it goes into the folder anpr of the FAT partition",
        )
    _show(done, serial, as_json=arguments.json)
    if root == Path("/") and "INVOCATION_ID" not in os.environ:  # systemd.exec(5): not started by systemd
        note("next: sudo systemd-tmpfiles --create anpr-edge.conf   (each key to its service)")
        note("      sudo systemctl restart anpr-edge-reader anpr-edge-uplink")
    return 0


def _make_keys(places: Places) -> MakeKeys:
    """The keys are made as `anpr-edge init` makes them, below the given root."""

    def make(accepted: Accepted) -> Identity:
        from anpr_edge.cli import init
        from anpr_edge.firstboot.install import Identity

        config = accepted.config
        unit, broker = config.unit, config.broker
        identity = init.Identity(
            fleet=unit.fleet,
            unit=unit.id,
            keys_dir=places.at(unit.keys_dir),
            certificate=places.at(broker.cert_file),
            trust=places.at(broker.ca_file),
            outbox=places.at(config.outbox.path),
            command_key=places.at(config.commands.key_file),
            tpm=unit.tpm,
        )
        verify_key, open_key = init.establish(identity)
        return Identity(verify_key, open_key, identity.path(init.REQUEST))

    return make


def _take_certificate(places: Places, utc_ns: int) -> str | None:
    """Take UNIT.crt from the card; returns its serial number, None when there is none."""
    from anpr_edge.bundlecheck import CONFIG_FILE
    from anpr_edge.config.load import inspect_text, read_text
    from anpr_edge.errors import reason
    from anpr_edge.firstboot import certificate
    from anpr_edge.firstboot.install import papers_of
    from anpr_edge.firstboot.standing import own_name

    own = own_name(places)
    if own is None or not (found := places.card / f"{own[1]}.crt").exists():
        return None
    papers = papers_of(inspect_text(CONFIG_FILE, read_text(places.config_file)).usable(), places)
    try:
        with found.open("rb") as open_file:
            pem = open_file.read(certificate.LONGEST_BYTES + 1)
        serial = certificate.take(pem, str(found), papers, utc_ns)
        for path in (found, found.with_suffix(".csr")):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise AnprError(f"{error.filename or found}: {reason(error)}", hint="is the card writable?") from None
    return serial


def _show(done: Provisioned | None, serial: str | None, *, as_json: bool) -> None:
    if as_json:
        json_line(_document(done, serial))
        return
    if done is not None:
        bundle, identity = done.accepted.bundle, done.installed.identity
        print(f"unit        {bundle.unit}")
        print(f"verify key  {identity.verify_key}")
        print(f"open key    {identity.open_key}")
        if done.installed.request is not None:
            print(f"request     {done.installed.request}")
        _next_steps(done, serial)
    if serial is not None:
        print(f"certificate {serial}")
        note("took the certificate; the uplink uses it within a minute")


def _next_steps(done: Provisioned, serial: str | None) -> None:
    manifest, request = done.accepted.bundle.manifest, done.installed.request
    note(f"took the bundle of {done.accepted.bundle.unit}, and wiped it from the card")
    for words in done.installed.areas:
        note(words)
    note("next: give the verify key to the centre:")
    note(f"      anpr-central units add {manifest.unit} VERIFY-KEY")
    if request is None or serial is not None:
        return
    if manifest.listener is not None:
        host, port = manifest.listener
        note(f"next: nothing; the unit enrols at {host}:{port} by itself (anpr-edge enrol), or by the card:")
    note(f"next: in the workshop: anpr-fleet enrol {request.name} --unit {manifest.unit}")
    note(
        f"      then put {manifest.unit}.crt beside it, and run anpr-edge provision, or start the unit again"
    )


def _document(done: Provisioned | None, serial: str | None) -> dict[str, Any]:
    document: dict[str, Any] = {"schema": SCHEMA, "unit": None, "taken": done is not None}
    if done is not None:
        bundle, identity, request = done.accepted.bundle, done.installed.identity, done.installed.request
        document |= {
            "unit": bundle.unit,
            "sha256": bundle.sha256,
            "anchored": done.accepted.anchored,
            "enrolment": str(bundle.manifest.enrolment),
            "clock_behind_s": done.behind_s,
            "verify_key": identity.verify_key,
            "open_key": identity.open_key,
            "areas": list(done.installed.areas),
            "request": None if request is None else str(request),
        }
    return {**document, "certificate": serial}
