"""Tokens that units enrol with over MQTT, as the fleet folder keeps them: no secret, and used once.

tokens/UNIT.toml holds the public half of the token's key and what mosquitto keeps of its password; neither
gives the token away.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import tomli_w

from anpr_edge.errors import KeyFileError
from anpr_edge.fleet.folder import FleetFolder, read_toml
from anpr_edge.fleet.unitrecord import State
from anpr_edge.seal.enrolment import broker_password, make_token, token_key
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.wire_values import Wrong, text, whole

TOKENS_DIR: Final = "tokens"
ROUNDS: Final = 101
"""Of PBKDF2, as mosquitto_passwd does by itself: what it guards is 256 random bits, and cannot be guessed."""

SALT_BYTES: Final = 12
_PASSWORD = re.compile(r"\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==")
_SHA256 = re.compile(r"|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is known of a unit's token. `used_by` is the SHA-256 of the request it was used for, or empty."""

    unit: str
    key: str
    password: str
    until_utc_s: int
    used_by: str = ""

    def dump(self) -> bytes:
        """The text of its file."""
        fields = asdict(self)
        del fields["unit"]
        return tomli_w.dumps(fields).encode()

    @property
    def verify_key(self) -> VerifyKey:
        """What verifies a request under this token."""
        return VerifyKey.parse(self.key)

    def is_of(self, token: bytes) -> bool:
        """Whether it is what is kept of this very token."""
        return token_key(token).public.text == self.key


def new_token(unit: str, until_utc_s: int) -> tuple[bytes, TokenRecord]:
    """A token for a unit's bundle, and what the fleet folder keeps of it."""
    token = make_token()
    hashed = mosquitto_hash(broker_password(token), secrets.token_bytes(SALT_BYTES))
    return token, TokenRecord(unit, token_key(token).public.text, hashed, until_utc_s)


def mosquitto_hash(password: str, salt: bytes) -> str:
    """A password as it stands in mosquitto's password file: PBKDF2 with SHA-512.

    Source: mosquitto 2.0, mosquitto_passwd(1) and its password file.
    """
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def token_file(folder: FleetFolder, unit: str) -> Path:
    """Where a unit's token is remembered, or would be."""
    return folder.directory / TOKENS_DIR / f"{unit}.toml"


def read_token(folder: FleetFolder, unit: str) -> TokenRecord | None:
    """What is known of a unit's token; None when it never had one. Raises: ConfigError."""
    path = token_file(folder, unit)
    return read_toml(path, lambda data: _parse(unit, data)) if path.exists() else None


def good_tokens(folder: FleetFolder, utc_s: int) -> Iterator[TokenRecord]:
    """Every token that the broker lets in: its time is not over, and its unit is not retired.

    One that was used is among them: its unit may not have fetched the answer yet. Raises: ConfigError.
    """
    for path in sorted((folder.directory / TOKENS_DIR).glob("[!.]*.toml")):
        record = read_token(folder, path.stem)
        if record is not None and record.until_utc_s >= utc_s and _may_enrol(folder, record.unit):
            yield record


def _may_enrol(folder: FleetFolder, unit: str) -> bool:
    return folder.has_unit(unit) and folder.unit(unit).state is not State.RETIRED


def _parse(unit: str, data: Mapping[str, Any]) -> TokenRecord:
    """Raises: Wrong."""
    if data.keys() != {"key", "password", "until_utc_s", "used_by"}:
        raise Wrong("key: not exactly key, password, until_utc_s and used_by")
    password, used_by = str(data["password"]), str(data["used_by"])
    if not _PASSWORD.fullmatch(password):
        raise Wrong("password: not a hash as mosquitto has it")
    if not _SHA256.fullmatch(used_by):
        raise Wrong("used_by: not a SHA-256 in hex")
    try:
        key = VerifyKey.parse(text(64)(data["key"])).text
    except KeyFileError as error:
        raise Wrong(f"key: {error}") from None
    return TokenRecord(unit, key, password, whole(0, 2**53)(data["until_utc_s"]), used_by)
