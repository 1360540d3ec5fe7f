"""`anpr-edge init`: give a unit its identity, once.

`--json`: {"schema": 1, "fleet", "unit", "keys_dir", "verify_key", "open_key", "request",
"made": [file], "kept": [file]}.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.output import json_line, note
from anpr_edge.cli.program import DEFAULT_CONFIG
from anpr_edge.durable import sync_folder
from anpr_edge.errors import KeyFileError, UsageError

if TYPE_CHECKING:
    from anpr_edge.firstboot.certificate import Papers

SCHEMA = 1
SIGN_KEY, VERIFY_KEY, TLS_KEY = "sign.pem", "sign.pub", "tls.pem"
OPEN_KEY, ADDRESS_KEY = "open.pem", "open.pub"
REQUEST, CERTIFICATE, TRUST = "tls.csr", "tls.crt", "ca.crt"
COMMAND_KEY = "command.pub"
OUTBOX = "outbox.db"
TEXT = """Make the signing key, the key that opens what is sealed to this unit, the TLS key and a
certificate request, in the keys folder of the
unit's state folder. What exists is kept. Fleet, unit and folder come from the unit's
configuration, or from --state, --fleet and --unit for a unit that has none yet.

  sudo anpr-edge init"""

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `init`."""
    parser = subparsers.add_parser(
        "init",
        help="make the unit's keys and its certificate request",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"take fleet, unit and folder from here ({DEFAULT_CONFIG})",
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="the unit's state folder")
    parser.add_argument("--fleet", help="the fleet's name")
    parser.add_argument("--unit", help="the unit's name")
    parser.add_argument("--tpm", metavar="DEVICE", help="with --state: make the signing key in this TPM 2.0")
    parser.add_argument(
        "--force-new-identity",
        action="store_true",
        help="make new keys; those that exist are moved to a folder of their own",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


@dataclass(slots=True)
class Identity:
    """The files of one unit's identity, and which of them this run made. `tpm` is its TPM's place, if any."""

    fleet: str
    unit: str
    keys_dir: Path
    certificate: Path
    trust: Path
    outbox: Path
    command_key: Path
    tpm: str | None
    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Where a file of this name is in the keys' folder."""
        return self.keys_dir / name

    @property
    def papers(self) -> Papers:
        """Its TLS files."""
        from anpr_edge.firstboot.certificate import Papers

        key = self.path(TLS_KEY)
        return Papers(self.unit, self.trust, self.certificate, key, self.keys_dir.parent)

    def ensure(self, name: str, save: Callable[[Path], object]) -> None:
        """Keep a file that is there; else let `save` write it, and show it under its name only when whole."""
        path = self.path(name)
        if path.exists():
            self.kept.append(name)
            return
        draft = path.with_name(f".{name}.new")
        draft.unlink(missing_ok=True)
        save(draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
        self.made.append(name)


def run(arguments: Namespace) -> int:
    """Make what is missing and say what there is."""
    identity = _identity(arguments)
    if arguments.force_new_identity:
        _set_aside(identity)
    _show(identity, *establish(identity), as_json=arguments.json)
    return 0


def establish(identity: Identity) -> tuple[str, str]:
    """Make what is missing of a unit's identity; returns its verify key and its open key, as text.

    Raises: KeyFileError when what is there is another unit's, damaged, or cannot be added to.
    """
    _make_folder(identity.keys_dir)
    _refuse_other_unit(identity)
    verify_key = _make_keys(identity)
    return verify_key, _make_open_key(identity)


def _identity(arguments: Namespace) -> Identity:
    given = (arguments.state, arguments.fleet, arguments.unit)
    if not any(given) and not arguments.tpm:
        return _configured(arguments.config or DEFAULT_CONFIG)
    if arguments.config or not all(given):
        raise UsageError("init needs either --config FILE or all of --state, --fleet and --unit")
    for name in (arguments.fleet, arguments.unit):
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be a fleet's or unit's name",
                hint="1 to 32 lower-case letters, digits and hyphens, not starting with a hyphen",
            )
    state: Path = arguments.state
    keys = state / "keys"
    files = (keys / CERTIFICATE, keys / TRUST, state / OUTBOX, keys / COMMAND_KEY)
    return Identity(arguments.fleet, arguments.unit, keys, *files, arguments.tpm)


def _configured(file: Path) -> Identity:
    from anpr_edge.config import load_config

    config = load_config(file)
    unit, broker = config.unit, config.broker
    files = (broker.cert_file, broker.ca_file, config.outbox.path, config.commands.key_file)
    return Identity(unit.fleet, unit.id, unit.keys_dir, *files, unit.tpm)


def _make_folder(keys_dir: Path) -> None:
    try:
        keys_dir.parent.mkdir(parents=True, exist_ok=True)
        keys_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise KeyFileError(
            f"{keys_dir}: cannot make the keys' folder: {error.strerror}",
            hint="run it as root, or name another state folder",
        ) from error


def _set_aside(identity: Identity) -> None:
    """Move the old identity to a folder named after the time, and say what still hangs on it."""
    from anpr_edge.devices.clock import SystemClock

    files = (REQUEST, CERTIFICATE, TLS_KEY, ADDRESS_KEY, OPEN_KEY, VERIFY_KEY, SIGN_KEY)
    there = [name for name in files if identity.path(name).exists()]
    if not there:
        return
    aside = identity.path(f"replaced-{SystemClock().now().utc_ns}")
    aside.mkdir(mode=0o700)
    for name in there:
        identity.path(name).rename(aside / name)
    note(f"moved the old {', '.join(there)} to {aside}; delete it when nothing needs it any more")
    if SIGN_KEY in there and identity.outbox.exists():
        note(
            f"warning: reads that still wait in {identity.outbox} are signed with the old key, and the centre"
        )
        note("         refuses them once it has the new one: see them delivered first (anpr-edge status)")


def _refuse_other_unit(identity: Identity) -> None:
    """Keys that were made for another name must not be taken over by mistake."""
    from anpr_edge.seal.tls_request import requested_name

    request = identity.path(REQUEST)
    if request.exists() and (name := requested_name(request)) != identity.unit:
        raise KeyFileError(
            f"{identity.keys_dir}: these keys were made for unit {name}, not {identity.unit}",
            hint="name the right state folder, or give --force-new-identity to replace them for good",
        )


def _make_keys(identity: Identity) -> str:
    """Make the missing files; returns the public key that verifies this unit's reads, as text."""
    from anpr_edge.seal.keys import VerifyKey
    from anpr_edge.seal.tls_request import TlsKey
    from anpr_edge.seal.tpm import load_signing_key

    identity.ensure(SIGN_KEY, lambda path: _make_signing_key(path, identity.tpm))
    with closing(load_signing_key(identity.path(SIGN_KEY), identity.tpm)) as signing_key:
        verify_key = signing_key.public
    _say_where_it_lies(identity)
    identity.ensure(VERIFY_KEY, lambda path: _save_public(path, verify_key.text))
    if VerifyKey.load(identity.path(VERIFY_KEY)) != verify_key:
        raise KeyFileError(
            f"{identity.path(VERIFY_KEY)}: not the public half of {SIGN_KEY}",
            hint=f"delete {VERIFY_KEY} and run init again",
        )
    identity.ensure(TLS_KEY, lambda path: TlsKey.generate().save(path))
    tls_key = TlsKey.load(identity.path(TLS_KEY))
    identity.ensure(REQUEST, lambda path: path.write_bytes(tls_key.request(identity.unit, verify_key)))
    if not tls_key.made(identity.path(REQUEST)):
        raise KeyFileError(
            f"{identity.path(REQUEST)}: not a request for the key in {TLS_KEY}",
            hint=f"delete {REQUEST} and run init again",
        )
    return verify_key.text


def _make_open_key(identity: Identity) -> str:
    """Make the unit's decryption key; returns the public key that lists are sealed to, as text."""
    from anpr_edge.seal.openkey import load_open_key, make_open_key

    identity.ensure(OPEN_KEY, lambda path: make_open_key(path, identity.tpm))
    text = load_open_key(identity.path(OPEN_KEY), identity.tpm).public.text
    identity.ensure(ADDRESS_KEY, lambda path: _save_public(path, text))
    return text


def _make_signing_key(path: Path, tpm: str | None) -> None:
    from anpr_edge.seal.keys import SigningKey
    from anpr_edge.seal.tpm import make_signing_key

    if tpm is None:
        SigningKey.generate().save(path)
    else:
        make_signing_key(tpm, path)


def _say_where_it_lies(identity: Identity) -> None:
    """A key in a file beside a TPM may be meant, or be left over from before there was one."""
    from anpr_edge.seal.tpm import DEFAULT_PLACE, is_in_tpm

    in_tpm = is_in_tpm(identity.path(SIGN_KEY).read_bytes())
    if identity.tpm is not None and not in_tpm:
        note(f"{SIGN_KEY} is a file's key, from before unit.tpm: --force-new-identity makes one in the TPM")
    elif identity.tpm is None and Path(DEFAULT_PLACE).exists():
        note(f'there is a TPM: unit.tpm = "{DEFAULT_PLACE}" keeps the key in it, where none can copy it')


def _save_public(path: Path, text: str) -> None:
    """The uplink reads this one: it may not see the signing key, and has to know which key it serves."""
    path.write_text(f"{text}\n", encoding="ascii")
    path.chmod(0o644)


def _show(identity: Identity, verify_key: str, open_key: str, *, as_json: bool) -> None:
    request = str(identity.path(REQUEST))
    if as_json:
        names = {"fleet": identity.fleet, "unit": identity.unit, "keys_dir": str(identity.keys_dir)}
        files = {"made": identity.made, "kept": identity.kept}
        keys = {"verify_key": verify_key, "open_key": open_key}
        json_line({"schema": SCHEMA, **names, **keys, "request": request, **files})
        return
    print(f"unit        {identity.fleet}/{identity.unit}")
    print(f"verify key  {verify_key}")
    print(f"open key    {open_key}")
    print(f"request     {request}")
    if identity.kept:
        note(f"kept {', '.join(identity.kept)}; made {', '.join(identity.made) or 'nothing'}")
    for line in _next_steps(identity):
        note(line)


def _next_steps(identity: Identity) -> Iterator[str]:
    """What this unit's identity still lacks, in the order in which it is to be done."""
    from anpr_edge.firstboot import certificate

    trouble = certificate.trouble(identity.papers)
    if trouble:
        request = identity.path(REQUEST)
        yield f"next: {trouble}. In the workshop:"
        yield f"      anpr-fleet enrol {request.name} --fleet-dir FLEET --unit {identity.unit}"
        yield f"      then bring tls.crt to {identity.certificate} and ca.crt to {identity.trust}"
    elif not identity.trust.exists():
        yield f"next: bring the authority's ca.crt to {identity.trust}"
    if not identity.command_key.exists():
        yield f"the unit takes no commands until the authority's command.pub is at {identity.command_key}"
    if SIGN_KEY in identity.made:
        yield "next: give the verify key to the centre:"
        yield f"      anpr-central units add {identity.unit} VERIFY-KEY"
