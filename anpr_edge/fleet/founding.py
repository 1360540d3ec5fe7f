"""Founds a fleet: its folder, its certificate authority and its keys, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from anpr_edge.errors import KeyFileError, UsageError, reason
from anpr_edge.fleet.authority import CERTIFICATE_FILE, KEY_FILE, Authority, check_name, make_folder
from anpr_edge.fleet.commandkey import COMMAND_KEY, COMMAND_PUBLIC
from anpr_edge.fleet.filing import DRAFTS, write_all
from anpr_edge.fleet.fleetfile import CA_KEY_FILE, DEFAULT_PORT
from anpr_edge.fleet.folder import (
    AUTHORITY_DIR,
    CERTIFICATES_DIR,
    FLEET_FILE,
    POLICY_PUBLIC,
    PROVISION_PUBLIC,
    RELEASE_CERTIFICATE,
    REVOKED_FILE,
    UNITS_DIR,
    FleetFolder,
)
from anpr_edge.fleet.keysfolder import (
    POLICY_KEY,
    PROVISION_KEY,
    RELEASE_KEY,
    make_private_folder,
    read_pem,
)
from anpr_edge.fleet.pkcs11key import Pin, open_token_key
from anpr_edge.seal import keyfile
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seams import Clock

PUBLIC_HALVES = {COMMAND_KEY: COMMAND_PUBLIC, POLICY_KEY: POLICY_PUBLIC, PROVISION_KEY: PROVISION_PUBLIC}

FLEET_TEXT = """\
# What the fleet has in common. All keys are in docs/fleet.md; those switched off (#) are examples.
fleet = "{fleet}"
{authority}
# The MQTT broker as units and centres reach it.
{off}[broker]
{off}host = "{broker}"
{off}port = {port}
# Another one, for when the first fails; one section each.
#[broker.standby.second]
#host = "broker-2.example"

# Who gets reads: a section for each feed, with the two lines that `anpr-central keygen` prints …
#[feeds.charging]
#purpose = "Road user charging"
#recipients = ["x25519:…"]
#ack_key = "ed25519:…"
# … or, instead of all of them, a signed policy (docs/policy.md), a file in this folder.
#[policy]
#file = "policy.cose"

# Which centre reads which feeds at the broker; one section each.
#[consumers.centre]
#feeds = ["charging"]

# Who may send commands to units, who may watch them without reading a feed, and who may answer units that
# enrol with a token; and the broker's port for those (docs/bundle.md).
#[access]
#commanders = ["control"]
#watchers = ["monitor"]
#enrollers = ["enroller"]
#[enrolment]
#port = 8884

# Any other key of a unit's configuration (docs/configuration.md), for every unit that does not state its own.
#[settings.exposure]
#speed_limit_km_h = 50
"""


@dataclass(frozen=True, slots=True)
class Founding:
    """How a fleet is to be founded.

    With no `passphrase` the keys lie open; `ca_key` is ca.key or a PKCS#11 URI, whose key is used, or made;
    `adopt` is a folder with a ca.key, ca.crt and command.pem to go on with.
    """

    fleet: str
    directory: Path
    keys: Path
    passphrase: bytes | None
    broker: str = ""
    ca_key: str = CA_KEY_FILE
    pin: Pin | None = None
    adopt: Path | None = None


def found_fleet(plan: Founding, clock: Clock) -> FleetFolder:
    """Make a fleet's folder and its keys.

    Raises: UsageError for a name that cannot be or a folder that is taken, KeyFileError when a folder cannot
    be written or the token does not do it.
    """
    check_name(plan.fleet)
    check_places(plan)
    make_folder(plan.keys.absolute().parent)
    with tempfile.TemporaryDirectory(prefix=".fleet-", dir=plan.keys.absolute().parent) as name:
        private, public = Path(name) / "keys", Path(name) / "fleet"
        make_private_folder(private)
        _make_keys(plan, private, public, clock)
        make_folder(plan.directory)
        try:
            shutil.copytree(public, plan.directory, dirs_exist_ok=True)
            _put_keys(private, plan.keys)
        except OSError as error:
            raise KeyFileError(f"{error.filename}: {reason(error)}", hint="name another folder") from error
    write_all({plan.directory / FLEET_FILE: _fleet_text(plan).encode()})
    return FleetFolder(plan.directory)


def _put_keys(private: Path, keys: Path) -> None:
    """In one step where the folder is not there or empty; file by file into one that holds other things."""
    try:
        private.rename(keys)
    except OSError:
        shutil.copytree(private, keys, dirs_exist_ok=True)
        make_private_folder(keys)


def check_places(plan: Founding) -> None:
    """Refuse a folder that is taken, before anybody types a passphrase. Raises: UsageError."""
    fleet, keys = plan.directory.resolve(), plan.keys.resolve()
    if (fleet / FLEET_FILE).exists():
        raise UsageError(f"{plan.directory} is a fleet folder already", hint="name another: --fleet-dir")
    if keys == fleet or fleet in keys.parents:
        raise UsageError(
            f"{plan.keys}: private keys do not go into the fleet folder {plan.directory}",
            hint="name a folder beside it: --keys",
        )
    if taken := sorted(path.name for path in keys.glob("*") if path.suffix in {".key", ".pem"}):
        raise UsageError(f"{plan.keys} holds {taken[0]} already", hint="name another folder: --keys")


def _make_keys(plan: Founding, private: Path, public: Path, clock: Clock) -> None:
    for name in (UNITS_DIR, CERTIFICATES_DIR, AUTHORITY_DIR):
        (public / name).mkdir(parents=True)
    (public / UNITS_DIR / ".gitkeep").touch()
    (public / ".gitignore").write_text(f"{DRAFTS}\n", encoding="ascii")
    authority = _authority(plan, private, clock)
    shown = public / AUTHORITY_DIR
    for key_file, public_file in PUBLIC_HALVES.items():
        key = _signing_key(plan, key_file)
        key.save(private / key_file, plan.passphrase)
        (shown / public_file).write_text(f"{key.public.text}\n", encoding="ascii")
    release = ec.generate_private_key(ec.SECP256R1())
    keyfile.save_protected(private / RELEASE_KEY, release, plan.passphrase)
    (shown / CERTIFICATE_FILE).write_bytes(authority.cert_pem)
    (shown / RELEASE_CERTIFICATE).write_bytes(authority.issue_release(release.public_key()))
    (shown / REVOKED_FILE).write_bytes(authority.revocation_list(()))


def _authority(plan: Founding, private: Path, clock: Clock) -> Authority:
    if plan.ca_key != CA_KEY_FILE:
        return Authority.make(plan.fleet, open_token_key(plan.ca_key, plan.pin, make=True), clock)
    if plan.adopt is None:
        key = ec.generate_private_key(ec.SECP256R1())
        authority = Authority.make(plan.fleet, key, clock)
    else:
        key, authority = _adopted(plan.adopt, plan.fleet, clock)
    keyfile.save_protected(private / CA_KEY_FILE, key, plan.passphrase)
    return authority


def _adopted(old: Path, fleet: str, clock: Clock) -> tuple[ec.EllipticCurvePrivateKey, Authority]:
    key = load_pem_private_key(keyfile.read(old / KEY_FILE), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyFileError(f"{old / KEY_FILE}: not an elliptic-curve key")
    authority = Authority(read_pem(old / CERTIFICATE_FILE), key, clock)
    if authority.fleet != fleet:
        raise UsageError(f"{old}: the authority of fleet {authority.fleet}, not {fleet}")
    authority.check_dates()
    return key, authority


def _signing_key(plan: Founding, name: str) -> SigningKey:
    old = plan.adopt / name if plan.adopt else None
    return SigningKey.load(old) if old is not None and old.exists() else SigningKey.generate()


def _fleet_text(plan: Founding) -> str:
    where = tomli_w.dumps({"authority": {"key": plan.ca_key}})
    authority = f"\n{where}" if plan.ca_key != CA_KEY_FILE else ""
    broker = plan.broker or "broker.example"
    off = "" if plan.broker else "#"
    return FLEET_TEXT.format(fleet=plan.fleet, authority=authority, broker=broker, off=off, port=DEFAULT_PORT)
