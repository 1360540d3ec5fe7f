"""`anpr-fleet list`: the keeper's side: its key, and sealing a list of vehicles to units."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from anpr_edge.cli.output import counted, note
from anpr_edge.errors import UsageError

SEAL_TEXT = """Seal a list to units, or a change to one. Plates come from text files, one a line; they leave
this machine as keyed hashes alone. --hash-key names the file of the list's own key:
made by the first whole list, needed for every change to it.

  anpr-fleet list seal --plates stolen.txt --revision 1 …            a whole list
  anpr-fleet list seal --base 1 --add new.txt --remove gone.txt --revision 2 …    a change"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `list` with its commands key and seal."""
    group = subparsers.add_parser("list", help="keep a list of vehicles of interest for units")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    key = commands.add_parser("key", help="make the key that signs lists")
    key.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new private key's file")
    key.set_defaults(run=run_key)
    seal = commands.add_parser("seal", help="seal a list, or a change to one", description=SEAL_TEXT)
    for name, words in (
        ("--plates", "all plates of a whole list"),
        ("--add", "plates to add to --base"),
        ("--remove", "plates to take from --base"),
    ):
        seal.add_argument(name, type=Path, metavar="FILE", help=words)
    seal.add_argument("--base", type=int, metavar="N", help="the revision that is changed")
    seal.add_argument("--revision", type=int, required=True, metavar="N", help="higher than any before")
    seal.add_argument("--fleet", required=True, help="the units' fleet")
    seal.add_argument("--name", required=True, help="the list's name, as the policy has it")
    seal.add_argument(
        "--hours", type=float, required=True, help="it matches nothing after that, 8,760 at most"
    )
    seal.add_argument("--key", type=Path, required=True, metavar="FILE", help="the keeper's private key")
    seal.add_argument("--hash-key", type=Path, required=True, metavar="FILE", help="the list's own key")
    seal.add_argument(
        "--unit",
        action="append",
        required=True,
        metavar="KEY",
        help="a unit's open key; once for each, 32 at most",
    )
    seal.add_argument("--out", type=Path, required=True, metavar="FILE", help="the sealed list's new file")
    seal.set_defaults(run=run_seal)


def run_key(arguments: Namespace) -> int:
    """Make the keeper's key and print its public half, for the policy."""
    from anpr_edge.seal.keys import SigningKey

    key = SigningKey.generate()
    key.save(arguments.out)
    print(key.public.text)
    return 0


def run_seal(arguments: Namespace) -> int:
    """Write a sealed list."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.seal.keys import RecipientKey, SigningKey
    from anpr_edge.seal.lists import ListRevision, seal_list

    _check(arguments)
    hash_key = _hash_key(arguments.hash_key, make=arguments.plates is not None)
    news = ListRevision(
        fleet=arguments.fleet,
        name=arguments.name,
        revision=arguments.revision,
        until_utc_s=SystemClock().now().utc_ns // 10**9 + round(arguments.hours * 3600),
        base=arguments.base,
        hash_key=hash_key if arguments.base is None else None,
        added=_entries(arguments.plates or arguments.add, hash_key),
        removed=_entries(arguments.remove, hash_key),
    )
    units = [RecipientKey.parse(text) for text in arguments.unit]
    arguments.out.write_bytes(seal_list(news, units, SigningKey.load(arguments.key)))
    print(arguments.out)
    note(
        f"{counted(len(news.added), 'entry')} in, {len(news.removed)} out, for {counted(len(units), 'unit')}"
    )
    return 0


def _check(arguments: Namespace) -> None:
    whole, change = arguments.plates is not None, arguments.base is not None
    if whole == change or (whole and (arguments.add or arguments.remove)):
        raise UsageError("a whole list has --plates, a change has --base with --add, --remove or both")
    if not 0 < arguments.hours <= 8760:
        raise UsageError(f"--hours {arguments.hours:g}: more than 0, at most 8760")
    if arguments.out.exists():
        raise UsageError(f"{arguments.out} exists", hint="name a new file")


def _hash_key(path: Path, *, make: bool) -> bytes:
    """The list's own key; a whole list makes it when there is none."""
    from anpr_edge.seal import keyfile
    from anpr_edge.seal.lists import HASH_KEY_BYTES

    if make and not path.exists():
        keyfile.write_new(path, secrets.token_hex(HASH_KEY_BYTES).encode())
    try:
        key = bytes.fromhex(keyfile.read(path).decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != HASH_KEY_BYTES:
        raise keyfile.wrong_kind(path, "list's")
    return key


def _entries(path: Path | None, hash_key: bytes) -> frozenset[bytes]:
    """The hashes of the plates in a file, whatever their spaces and case."""
    from anpr_edge.plates.syntax import fold
    from anpr_edge.seal.lists import entry_of

    if path is None:
        return frozenset()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: no readable list of plates: {type(error).__name__}") from None
    plates = {"".join(line.split()).upper() for line in lines}
    return frozenset(entry_of(fold(plate), hash_key) for plate in plates if plate)
