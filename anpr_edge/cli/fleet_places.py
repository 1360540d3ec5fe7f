"""Where a command of the workshop finds the fleet folder and the keys, and how it asks for secrets."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, _ActionsContainer
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.seal import keyfile

if TYPE_CHECKING:
    from anpr_edge.fleet.authority import Authority
    from anpr_edge.fleet.folder import FleetFolder
    from anpr_edge.fleet.keysfolder import KeysFolder

SHORTEST_PASSPHRASE = 12
"""Characters: whoever has copied the files can guess for as long as they like."""

KEYS_SUFFIX = "-keys"


def add_fleet_option(parser: ArgumentParser) -> None:
    """`--fleet-dir FOLDER`, the same in every command of the workshop."""
    parser.add_argument(
        "--fleet-dir", type=Path, default=Path(), metavar="FOLDER", help="the fleet folder (this one)"
    )


def add_change_options(parser: ArgumentParser) -> None:
    """`--dry-run`, `--json` and `--fleet-dir`, for commands that change units all or none."""
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_fleet_option(parser)


def add_keys_options(parser: ArgumentParser) -> None:
    """`--keys`, and where passphrase and PIN come from when nobody is there to type them."""
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="FOLDER",
        help="the folder of private keys (beside the fleet folder, with -keys after its name)",
    )
    add_passphrase_option(parser)
    parser.add_argument(
        "--pin-file", type=Path, metavar="FILE", help="the PKCS#11 token's PIN, else asked for"
    )


def add_passphrase_option(parser: _ActionsContainer) -> None:
    """`--passphrase-file FILE`, for commands that take a key which may be under a passphrase."""
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="the keys' passphrase on one line, else asked for",
    )


def fleet_folder(arguments: Namespace) -> FleetFolder:
    """The fleet folder a command works on. Raises: UsageError, ConfigError."""
    from anpr_edge.fleet.folder import FleetFolder

    return FleetFolder(arguments.fleet_dir)


def keys_place(fleet_dir: Path, given: Path | None) -> Path:
    """The keys folder: the one given, else the fleet folder's neighbour."""
    own = fleet_dir.resolve()
    return given or own.with_name(own.name + KEYS_SUFFIX)


def keys_folder(arguments: Namespace) -> KeysFolder:
    """The keys folder a command signs with; secrets are asked for when they are needed.

    Raises: UsageError when it is not there.
    """
    from anpr_edge.fleet.keysfolder import KeysFolder

    directory = keys_place(arguments.fleet_dir, arguments.keys)
    if not directory.is_dir():
        raise UsageError(f"{directory}: no keys folder", hint="name it, or plug it in: --keys FOLDER")
    return KeysFolder(directory, ask_passphrase(arguments.passphrase_file), ask_pin(arguments.pin_file))


def open_authority(arguments: Namespace, folder: FleetFolder) -> Authority:
    """The fleet's certificate authority, ready to sign. Raises: UsageError, KeyFileError."""
    from anpr_edge.devices.clock import SystemClock

    return keys_folder(arguments).authority(folder, SystemClock())


def ask_passphrase(file: Path | None) -> keyfile.Passphrase:
    """Gives the passphrase in a file, else asks the person, once for all keys."""
    known: list[bytes] = []

    def ask(path: Path) -> bytes:
        if not known:
            known.append(_secret(file, f"Passphrase for {path}: ", "--passphrase-file").encode())
        return known[0]

    return ask


def ask_pin(file: Path | None) -> Callable[[str], str]:
    """Gives the PIN in a file, else asks the person."""
    return lambda token: _secret(file, f"PIN of token {token}: ", "--pin-file")


def new_passphrase(file: Path | None) -> bytes:
    """A passphrase for new keys: from a file, else asked for twice.

    Raises: UsageError when it is too short or was not typed the same twice, KeyFileError when there is none.
    """
    text = _secret(file, "New passphrase for the keys: ", "--passphrase-file, or --no-passphrase")
    if len(text) < SHORTEST_PASSPHRASE:
        raise UsageError(
            f"the passphrase has {len(text)} characters, at least {SHORTEST_PASSPHRASE}",
            hint="five random words are easy to type and hard to guess",
        )
    if file is None and getpass("The same again: ") != text:
        raise UsageError("the two passphrases differ", hint="try again")
    return text.encode()


def _secret(file: Path | None, prompt: str, option: str) -> str:
    if file is not None:
        return keyfile.read(file).decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
    if not sys.stdin.isatty():
        raise KeyFileError(f"{prompt.rstrip(': ')}: nobody is there to type it", hint=f"give {option}")
    return getpass(prompt)
