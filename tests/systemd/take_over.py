"""Runs in the machine before it boots, after its provision: makes its unit the one release 0.1.0 left."""

import hashlib
import shutil
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anpr_edge.seal import hpke
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey

OLD = Path("/srv/data")
STATE = Path("/var/lib/anpr-edge")
RIG = Path("/srv/rig")
CONFIG = Path("/etc/anpr-edge/unit.toml")


def seed_of(name: str) -> bytes:
    """The private bytes of that unit's or its centre's key in the file `name`, which everybody can know."""
    return hashlib.sha256(f"anpr-edge release 0.1.0 test data: {name}".encode()).digest()


def put_signer(folder: Path, name: str) -> None:
    (folder / name).unlink()
    SigningKey(Ed25519PrivateKey.from_private_bytes(seed_of(name))).save(folder / name)


def put_opener(folder: Path, name: str) -> None:
    (folder / name).unlink()
    RecipientPrivateKey.from_secret(hpke.X25519, seed_of(name)).save(folder / name)


def put_keys() -> None:
    """Its identity and its centre's; TLS certificates are renewed over the years, and are the rig's."""
    put_signer(STATE, "keys/sign.pem")
    put_opener(STATE, "keys/open.pem")
    put_signer(RIG, "centre/ack.pem")
    put_opener(RIG, "centre/recipient.pem")
    for name in ("sign.pub", "open.pub"):
        shutil.copy(OLD / name, STATE / "keys" / name)
    shutil.copy(OLD / "units.toml", RIG / "centre/units.toml")


def put_data() -> None:
    for name in ("outbox", "commands"):
        with closing(sqlite3.connect(STATE / f"{name}.db")) as database:
            database.executescript((OLD / f"{name}.sql").read_text())
    for name in ("outbox.db.marks", "audit.log", "hours.json", "counts-reader.json", "policy.cose"):
        shutil.copy(OLD / name, STATE / name)
        shutil.chown(STATE / name, "anpr-reader", "anpr")
        (STATE / name).chmod(0o660)


def put_configuration() -> None:
    port = tomllib.loads(CONFIG.read_text())["broker"]["port"]
    old = (OLD / "unit.toml").read_text()
    was = tomllib.loads(old)["broker"]["port"]
    CONFIG.write_text(old.replace(f"port = {was}", f"port = {port}"))
    shutil.copy(OLD / "policy.cose", CONFIG.parent / "policy.cose")


put_keys()
put_data()
put_configuration()
