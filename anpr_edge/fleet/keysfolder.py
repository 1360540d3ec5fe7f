"""The keys folder: the fleet's private keys, apart from the fleet folder and never in git. See docs/fleet.md.

    ca.key          signs certificates (P-256); not here when it lies in a PKCS#11 token
    command.pem     signs commands        policy.pem     signs policies
    provision.pem   signs bundles         release.key    signs system updates (P-256)
    servers/        the brokers' own keys, as their brokers need them: without a passphrase

A key under a passphrase is opened only when something is to be signed with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from anpr_edge.errors import KeyFileError, reason
from anpr_edge.fleet.authority import CERTIFICATE_FILE, Authority
from anpr_edge.fleet.commandkey import COMMAND_KEY
from anpr_edge.fleet.folder import RELEASE_CERTIFICATE, FleetFolder
from anpr_edge.fleet.pkcs11key import is_token, open_token_key
from anpr_edge.seal import keyfile
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seams import Clock

POLICY_KEY, PROVISION_KEY, RELEASE_KEY = "policy.pem", "provision.pem", "release.key"
SIGNING_KEYS: Final = (COMMAND_KEY, POLICY_KEY, PROVISION_KEY)
PRIVATE_DIR_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class KeysFolder:
    """Where the fleet's private keys lie. `passphrase` is asked for a key's, `pin` for a token's."""

    directory: Path
    passphrase: keyfile.Passphrase | None = None
    pin: Callable[[str], str] | None = None

    def signing_key(self, name: str) -> SigningKey:
        """The Ed25519 key kept as `name`, one of SIGNING_KEYS. Raises: KeyFileError."""
        return SigningKey.load(self.directory / name, self.passphrase)

    def p256_key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """The P-256 key kept as `name`. Raises: KeyFileError."""
        path = self.directory / name
        key = keyfile.load(path, self.passphrase)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise keyfile.wrong_kind(path, "ECDSA P-256")
        return key

    def authority(self, folder: FleetFolder, clock: Clock) -> Authority:
        """The fleet's certificate authority, ready to sign.

        Raises: KeyFileError when its key cannot be had or is another's, when it has ended, or when the clock
        is before its beginning.
        """
        certificate = read_pem(folder.authority_dir / CERTIFICATE_FILE)
        where = folder.plan.ca_key
        key = open_token_key(where, self.pin) if is_token(where) else self.p256_key(where)
        authority = Authority(certificate, key, clock)
        authority.check_dates()
        return authority

    def release_key(self, folder: FleetFolder) -> ec.EllipticCurvePrivateKey:
        """The key that signs system updates, which release.crt is for. Raises: KeyFileError."""
        key = self.p256_key(RELEASE_KEY)
        path = folder.authority_dir / RELEASE_CERTIFICATE
        if read_pem(path).public_key() != key.public_key():
            raise KeyFileError(f"{path} and {self.directory / RELEASE_KEY} do not belong together")
        return key


def read_pem(path: Path) -> x509.Certificate:
    """The certificate in a PEM file. Raises: KeyFileError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise KeyFileError(f"{path}: {reason(error)}", hint="restore it, from git for one") from error
    except ValueError as error:
        raise KeyFileError(f"{path}: not a certificate in PEM form") from error


def make_private_folder(directory: Path) -> None:
    """A folder that only its owner can enter, and that git takes nothing from. Raises: KeyFileError."""
    try:
        directory.mkdir(mode=PRIVATE_DIR_MODE, parents=True, exist_ok=True)
        os.chmod(directory, PRIVATE_DIR_MODE)  # noqa: PTH101
        (directory / ".gitignore").write_text("*\n", encoding="ascii")
    except OSError as error:
        raise KeyFileError(f"{directory}: {reason(error)}", hint="name another folder: --keys") from error
