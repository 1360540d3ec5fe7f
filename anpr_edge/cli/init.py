"""`anpr-edge init`: give a unit its identity, once.

`--json`: {"schema": 1, "fleet", "unit", "keys_dir", "verify_key", "request", "made": [file], "kept": [file]}.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from anpr_edge.cli.output import json_line, note
from anpr_edge.errors import KeyFileError, UsageError

SCHEMA = 1
SIGN_KEY, TLS_KEY, REQUEST, CERTIFICATE = "sign.pem", "tls.pem", "tls.csr", "tls.crt"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `init`."""
    parser = subparsers.add_parser(
        "init",
        help="make the unit's keys and its certificate request",
        description="Make the signing key, the TLS key and a certificate request. What exists is kept.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="take fleet, unit and folder from here")
    parser.add_argument("--state", type=Path, metavar="DIR", help="the unit's state folder")
    parser.add_argument("--fleet", help="the fleet's name")
    parser.add_argument("--unit", help="the unit's name")
    parser.add_argument("--force-new-identity", action="store_true", help="replace the keys that exist")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


@dataclass(slots=True)
class _Identity:
    """The files of one unit's identity, and which of them this run made."""

    fleet: str
    unit: str
    keys_dir: Path
    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        return self.keys_dir / name

    def ensure(self, name: str, save: Callable[[Path], object]) -> None:
        """Keep a file that is there; else let `save` write it, and show it under its name only when whole."""
        path = self.path(name)
        if path.exists():
            self.kept.append(name)
            return
        draft = path.with_name(f".{name}.new")
        draft.unlink(missing_ok=True)
        save(draft)
        draft.replace(path)
        self.made.append(name)


def run(arguments: Namespace) -> int:
    """Make what is missing and say what there is."""
    identity = _identity(arguments)
    _make_folder(identity.keys_dir)
    if arguments.force_new_identity:
        _forget(identity)
    _refuse_other_unit(identity)
    verify_key = _make_keys(identity)
    _show(identity, verify_key, as_json=arguments.json)
    return 0


def _identity(arguments: Namespace) -> _Identity:
    given = (arguments.state, arguments.fleet, arguments.unit)
    if arguments.config and not any(given):
        from anpr_edge.config import load_config

        unit = load_config(arguments.config).unit
        return _Identity(unit.fleet, unit.id, unit.keys_dir)
    if arguments.config or not all(given):
        raise UsageError("init needs either --config FILE or all of --state, --fleet and --unit")
    for name in (arguments.fleet, arguments.unit):
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be a fleet's or unit's name",
                hint="1 to 32 lower-case letters, digits and hyphens, not starting with a hyphen",
            )
    return _Identity(arguments.fleet, arguments.unit, arguments.state / "keys")


def _make_folder(keys_dir: Path) -> None:
    try:
        keys_dir.parent.mkdir(parents=True, exist_ok=True)
        keys_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise KeyFileError(
            f"{keys_dir}: cannot make the keys' folder: {error.strerror}",
            hint="run it as root, or name another state folder",
        ) from error


def _forget(identity: _Identity) -> None:
    for name in (REQUEST, CERTIFICATE, TLS_KEY, SIGN_KEY):
        identity.path(name).unlink(missing_ok=True)


def _refuse_other_unit(identity: _Identity) -> None:
    """Keys that were made for another name must not be taken over by mistake."""
    from anpr_edge.seal.tls_request import requested_name

    request = identity.path(REQUEST)
    if request.exists() and (name := requested_name(request)) != identity.unit:
        raise KeyFileError(
            f"{identity.keys_dir}: these keys were made for unit {name}, not {identity.unit}",
            hint="name the right state folder, or give --force-new-identity to replace them for good",
        )


def _make_keys(identity: _Identity) -> str:
    """Make the missing files; returns the public key that verifies this unit's reads, as text."""
    from anpr_edge.seal.keys import SigningKey
    from anpr_edge.seal.tls_request import TlsKey

    identity.ensure(SIGN_KEY, lambda path: SigningKey.generate().save(path))
    identity.ensure(TLS_KEY, lambda path: TlsKey.generate().save(path))
    tls_key = TlsKey.load(identity.path(TLS_KEY))
    identity.ensure(REQUEST, lambda path: path.write_bytes(tls_key.request(identity.unit)))
    if not tls_key.made(identity.path(REQUEST)):
        raise KeyFileError(
            f"{identity.path(REQUEST)}: not a request for the key in {TLS_KEY}",
            hint=f"delete {REQUEST} and run init again",
        )
    return SigningKey.load(identity.path(SIGN_KEY)).public.text


def _show(identity: _Identity, verify_key: str, *, as_json: bool) -> None:
    request = str(identity.path(REQUEST))
    if as_json:
        names = {"fleet": identity.fleet, "unit": identity.unit, "keys_dir": str(identity.keys_dir)}
        files = {"made": identity.made, "kept": identity.kept}
        json_line({"schema": SCHEMA, **names, "verify_key": verify_key, "request": request, **files})
        return
    print(f"unit        {identity.fleet}/{identity.unit}")
    print(f"verify key  {verify_key}")
    print(f"request     {request}")
    if identity.kept:
        note(f"kept {', '.join(identity.kept)}; made {', '.join(identity.made) or 'nothing'}")
    if not identity.path(CERTIFICATE).exists():
        note(f"next: have the fleet's authority sign the request into {identity.path(CERTIFICATE)},")
        note("      and give the verify key to the centre")
