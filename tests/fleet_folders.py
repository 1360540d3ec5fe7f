"""Fleet folders to try things on, made as the workshop makes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from anpr_edge.cli.fleet import main
from anpr_edge.fleet.folder import FLEET_FILE, FleetFolder
from anpr_edge.fleet.founding import Founding, found_fleet
from anpr_edge.fleet.keysfolder import KeysFolder
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seams import Clock

FLEET, HOST, FEED, CENTRE = "demo", "broker.example", "charging", "centre"


def feeds_text() -> str:
    """What a fleet.toml says of one feed and of the centre that reads it."""
    recipient, ack = RecipientPrivateKey.generate().public.text, SigningKey.generate().public.text
    return (
        f'[feeds.{FEED}]\npurpose = "Road user charging"\nrecipients = {json.dumps([recipient])}\n'
        f'ack_key = "{ack}"\n[consumers.{CENTRE}]\nfeeds = ["{FEED}"]\n'
    )


def made_by_command(where: Path, monkeypatch: pytest.MonkeyPatch, feeds: str | None = None) -> FleetFolder:
    """The fleet that `authority create` makes in `where`, with a feed and a centre, and the shell in it."""
    monkeypatch.chdir(where)
    assert main(["authority", "create", FLEET, "--broker", HOST, "--no-passphrase"]) == 0
    monkeypatch.chdir(where / FLEET)
    with Path(FLEET_FILE).open("a") as file:
        file.write(feeds_text() if feeds is None else feeds)
    return FleetFolder(Path())


def make_fleet(
    where: Path, clock: Clock, *, host: str = HOST, feeds: str | None = None
) -> tuple[FleetFolder, KeysFolder]:
    """A fleet with a feed and a centre, its keys open; `feeds` is other text for fleet.toml."""
    plan = Founding(FLEET, where / FLEET, where / f"{FLEET}-keys", None, broker=host)
    file = found_fleet(plan, clock).directory / FLEET_FILE
    with file.open("a") as text:
        text.write(feeds_text() if feeds is None else feeds)
    return FleetFolder(plan.directory), KeysFolder(plan.keys)


def request_for(name: str) -> bytes:
    """A certificate request as a unit makes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )
