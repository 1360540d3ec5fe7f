"""`anpr-fleet authority`: found a fleet, and look at what its authority is.

`show --json`: {"schema": 1, "fleet", "authority": {"from", "until", "key"}, "release": {"until"},
"public_keys": {"command", "policy", "provision"}, "revoked": N, "units": {"planned": N, …}}; times are UTC,
ISO 8601.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.fleet_places import (
    add_fleet_option,
    add_passphrase_option,
    ask_pin,
    fleet_folder,
    keys_place,
    new_passphrase,
)
from anpr_edge.cli.output import json_line, note, table

if TYPE_CHECKING:
    from anpr_edge.fleet.folder import FleetFolder

SCHEMA = 1

CREATE_TEXT = """Found a fleet: the fleet folder, which one can keep in git, and beside it the folder of
private keys, which one never does. Once for each fleet. Makes the certificate authority and the keys that
sign commands, policies, bundles and system updates; all under one passphrase, but for an authority's key
that lies in a PKCS#11 token.

  anpr-fleet authority create demo --broker broker.example
  anpr-fleet authority create demo --ca-key 'pkcs11:token=demo;object=ca?module-path=/usr/lib/token.so'

Keep the keys folder off every networked machine, and a copy of it safe (docs/fleet.md)."""

SHOW_TEXT = """Say what a fleet's authority is, how long it and its release key are good for, and how far its
units are. Needs no private key.

  anpr-fleet authority show --fleet-dir demo"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `authority` with its commands create and show."""
    group = subparsers.add_parser("authority", help="found a fleet: its folder, its authority and its keys")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser(
        "create",
        help="make a fleet folder and its keys",
        description=CREATE_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    create.add_argument("fleet", help="the fleet's name, as units and topics will have it")
    create.add_argument(
        "--fleet-dir", type=Path, metavar="FOLDER", help="the new fleet folder (the fleet's name)"
    )
    create.add_argument(
        "--keys", type=Path, metavar="FOLDER", help="the new folder of private keys (beside it)"
    )
    create.add_argument("--broker", default="", metavar="HOST", help="the broker's name, as units reach it")
    secret = create.add_mutually_exclusive_group()
    add_passphrase_option(secret)
    secret.add_argument("--no-passphrase", action="store_true", help="let the private keys lie open")
    create.add_argument("--ca-key", metavar="URI", help="the authority's key is, or will be, in this token")
    create.add_argument("--pin-file", type=Path, metavar="FILE", help="the token's PIN, else asked for")
    create.add_argument(
        "--adopt",
        type=Path,
        metavar="FOLDER",
        help="go on with the ca.key, ca.crt and command.pem of this folder",
    )
    create.set_defaults(run=run_create)
    show = commands.add_parser(
        "show",
        help="say what the authority is, and how far its units are",
        description=SHOW_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_fleet_option(show)
    show.add_argument("--json", action="store_true", help="print one JSON object")
    show.set_defaults(run=run_show)


def run_create(arguments: Namespace) -> int:
    """Found the fleet and say where everything lies."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.fleetfile import CA_KEY_FILE
    from anpr_edge.fleet.founding import Founding, check_places, found_fleet

    directory = arguments.fleet_dir or Path(arguments.fleet)
    keys = keys_place(directory, arguments.keys)
    plan = Founding(
        fleet=arguments.fleet,
        directory=directory,
        keys=keys,
        passphrase=None,
        broker=arguments.broker,
        ca_key=arguments.ca_key or CA_KEY_FILE,
        pin=ask_pin(arguments.pin_file),
        adopt=arguments.adopt,
    )
    check_places(plan)
    passphrase = None if arguments.no_passphrase else new_passphrase(arguments.passphrase_file)
    found_fleet(replace(plan, passphrase=passphrase), SystemClock())
    print(directory)
    print(keys)
    note(f"Keep {keys} off every networked machine and out of git, and a copy of it safe.")
    note(f"{directory} holds no secret: keep it in git. Say in {directory / 'fleet.toml'} who gets reads.")
    return 0


def run_show(arguments: Namespace) -> int:
    """Print what the fleet folder says of its authority."""
    said = _said(fleet_folder(arguments))
    if arguments.json:
        json_line(said)
        return 0
    authority = said["authority"]
    print(f"fleet {said['fleet']}")
    rows = [
        ("authority", f"good from {authority['from']} to {authority['until']}, key in {authority['key']}"),
        ("updates", f"signed until {said['release']['until']}"),
        *((name, key) for name, key in said["public_keys"].items()),
        ("revoked", said["revoked"]),
        ("units", ", ".join(f"{count} {state}" for state, count in said["units"].items() if count) or "none"),
    ]
    table(("what", ""), rows)
    return 0


def _said(folder: FleetFolder) -> dict[str, Any]:
    from anpr_edge.fleet.authority import CERTIFICATE_FILE
    from anpr_edge.fleet.commandkey import COMMAND_PUBLIC
    from anpr_edge.fleet.folder import POLICY_PUBLIC, PROVISION_PUBLIC, RELEASE_CERTIFICATE
    from anpr_edge.fleet.keysfolder import read_pem
    from anpr_edge.fleet.revocation import RevokedList
    from anpr_edge.fleet.unitrecord import State

    own = read_pem(folder.authority_dir / CERTIFICATE_FILE)
    release = read_pem(folder.authority_dir / RELEASE_CERTIFICATE)
    states = Counter(unit.state for unit in folder.units())
    public = {"command": COMMAND_PUBLIC, "policy": POLICY_PUBLIC, "provision": PROVISION_PUBLIC}
    return {
        "schema": SCHEMA,
        "fleet": folder.fleet,
        "authority": {
            "from": own.not_valid_before_utc.isoformat(),
            "until": own.not_valid_after_utc.isoformat(),
            "key": folder.plan.ca_key,
        },
        "release": {"until": release.not_valid_after_utc.isoformat()},
        "public_keys": {name: folder.public_key(file).text for name, file in public.items()},
        "revoked": len(RevokedList.load(folder).serials),
        "units": {str(state): states[state] for state in State},
    }
