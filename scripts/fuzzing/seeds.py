"""What fuzzing starts from: the test vectors, whole and layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import EnvelopeError
from anpr_edge.fleet.authority import Authority, write_private
from anpr_edge.seal import envelope
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.lists import ListRevision, seal_list
from anpr_edge.seal.policy.signed import sign_policy
from anpr_edge.seal.replies import ReplySigner
from scripts.fuzzing.targets import OWN, UNIT
from tests.unit.seal.policies import POLICY
from tests.vectors.bundles import BUNDLES, bundle_blob
from tests.vectors.cases import CASES
from tests.vectors.commands import COMMANDS, command_message
from tests.vectors.keys import signer
from tests.vectors.recipe import bake


def sealed_reads() -> frozenset[bytes]:
    """Every vector's envelope that its unit has signed, good or not."""
    return frozenset(blob for blob in _vectors() if _signed(blob))


def seeds() -> Iterator[bytes]:
    """Envelopes good and bad, their headers, ciphertexts, records; one of whatever else is signed."""
    for blob in _vectors():
        yield blob
        if _signed(blob):
            yield from _layers(envelope.parse(blob))
    kid = signer().kid
    yield sign_ack(Ack("london", "unit-0042", "charging", 9, ((1, 2), (5, 5)), 10**18, kid), signer("centre"))
    yield sign_policy(POLICY, signer("authority"))
    news = ListRevision("london", "stolen", 1, 10**9, hash_key=bytes(32), added=frozenset({bytes(16)}))
    yield seal_list(news, [OWN[0].public], signer("keeper"))
    yield from (command_message(case) for case in COMMANDS)
    yield _reply()
    yield from (bundle_blob(case) for case in BUNDLES)


def _reply() -> bytes:
    """A reply of a unit of some other fleet."""
    with TemporaryDirectory() as folder:
        issued = Authority.create(Path(folder), "paris", SystemClock()).issue_client("unit-0042")
        key, certificate = Path(folder) / "tls.pem", Path(folder) / "tls.crt"
        write_private(key, issued.key_pem)
        certificate.write_bytes(issued.cert_pem)
        return ReplySigner(key, certificate).reply({"schema": 1})


def _vectors() -> Iterator[bytes]:
    return (bake(case.recipe) for case in CASES)


def _signed(blob: bytes) -> bool:
    try:
        envelope.parse(blob).verify(UNIT)
    except EnvelopeError:
        return False
    return True


def _layers(found: envelope.Envelope) -> Iterator[bytes]:
    yield found.signed.protected
    yield found.signed.payload
    for key in OWN:
        try:
            yield found.open(key)
            yield found.encrypted.open(key, bound_to=found.signed.protected)
        except EnvelopeError:
            continue
