"""`anpr-fleet unit bundle`: one signed file a unit, that makes a flashed card that unit.

`--json`: {"schema": 1, "dry_run", "made": [{"unit", "file", "until", "enrolment", "verify_key"}],
"kept": [the same]}; `verify_key` is null unless the bundle brings the keys.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.fleet_places import add_fleet_option, add_keys_options, fleet_folder, keys_folder
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import counted, json_line, note, progress
from anpr_edge.errors import KeyFileError, UsageError, reason

if TYPE_CHECKING:
    from anpr_edge.fleet.bundling import Bundled
    from anpr_edge.fleet.folder import FleetFolder

SCHEMA = 1
MOST_NAMED = 5
"""Of units, in a note."""
TEXT = """Make the bundle of each unit: configuration, trust and policy, signed with the fleet's provision
key. UNIT.bundle goes into the folder anpr of the FAT partition of a flashed card; at its first boot the
unit takes it, makes its own keys, and leaves its certificate request there. A bundle in DIR that still
says the same and is good for long enough is kept.

  anpr-fleet unit bundle unit-0001 --out /media/me/bootfs/anpr
  anpr-fleet unit bundle --all --out bundles          every unit that has no certificate yet
  anpr-fleet unit bundle --all --token --out bundles  they enrol by themselves, over MQTT"""

WITH_KEYS = """WARNING: these bundles hold the units' private keys: whoever has a copy is that unit.
         Without --with-keys a unit makes its own, and they never leave it."""


def add_command(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `bundle`."""
    parser = commands.add_parser(
        "bundle",
        help="make units' bundles for their cards",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="UNIT", help="a unit's id; several at once")
    parser.add_argument("--all", action="store_true", help="every unit that has no certificate yet")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where UNIT.bundle goes")
    parser.add_argument(
        "--days", type=whole(1, 366), default=90, help="how long they are good for (%(default)s days)"
    )
    parser.add_argument(
        "--token",
        action="store_true",
        help="units enrol over MQTT with a token that works once; fleet.toml says where: [enrolment] port",
    )
    parser.add_argument(
        "--with-keys", action="store_true", help="make the units' keys and certificates here, too (see below)"
    )
    parser.add_argument("--dry-run", action="store_true", help="check every bundle, and write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.epilog = "--with-keys: for a unit that cannot bring a request back. " + WITH_KEYS[9:].replace(
        "\n        ", ""
    )
    add_fleet_option(parser)
    add_keys_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Make and judge all of them, then write them."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.bundling import Bundler
    from anpr_edge.fleet.keysfolder import PROVISION_KEY

    folder = fleet_folder(arguments)
    if arguments.token and arguments.with_keys:
        raise UsageError("--token and --with-keys exclude each other", hint="a unit with keys needs no token")
    keys, clock = keys_folder(arguments), SystemClock()
    with folder.changing():
        names = _names(arguments, folder)
        if arguments.with_keys:
            note(WITH_KEYS)
        authority = keys.authority(folder, clock) if arguments.with_keys else None
        bundler = Bundler(
            folder, keys.signing_key(PROVISION_KEY), clock, arguments.days, by_token=arguments.token
        )
        made = []
        for name in names:
            made.append(bundler.make(name, arguments.out, authority))
            if len(made) % 20 == 0:
                progress(f"{len(made)} of {len(names)} bundles")
        progress("")
        if not arguments.dry_run:
            _make_folder(arguments.out)
            bundler.save(made)
    _show(made, arguments)
    _tell_areas(folder, made)
    return 0


def _names(arguments: Namespace, folder: FleetFolder) -> Sequence[str]:
    from anpr_edge.fleet.unitrecord import State

    if bool(arguments.names) == arguments.all:
        raise UsageError("which units?", hint="name them, or give --all")
    if arguments.names:
        return sorted(set(arguments.names))
    return [unit.name for unit in folder.units() if unit.state in (State.PLANNED, State.BUNDLED)]


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{out}: {reason(error)}", hint="is the card there, and writable?") from None


def _show(made: Sequence[Bundled], arguments: Namespace) -> None:
    new = [one for one in made if one.is_new]
    if arguments.json:
        lists = {"made": [_row(one) for one in new], "kept": [_row(one) for one in made if not one.is_new]}
        json_line({"schema": SCHEMA, "dry_run": arguments.dry_run, **lists})
        return
    for one in made:
        print(one.path)
        if one.own_keys is not None:
            note(f"next: anpr-central units add {one.name} {one.own_keys.verify_key}")
    kept = len(made) - len(new)
    told = "would be made" if arguments.dry_run else "made"
    note(f"{counted(len(new), 'bundle')} {told}, {kept} still good and kept")
    if made:
        note(f"good until {_day(min(one.until_utc_s for one in made))}")
    if new and not arguments.token and not arguments.with_keys and not arguments.dry_run:
        note(
            "next: each into the folder anpr of its card or of a stick; the unit takes it and leaves UNIT.csr"
        )
        note("      there, for anpr-fleet enrol")
    if arguments.token and new and not arguments.dry_run:
        note("next: tell the broker their tokens: anpr-fleet broker config, install the folder, restart it")
        note("      then answer their requests: anpr-fleet enrol --serve")


def _tell_areas(folder: FleetFolder, made: Sequence[Bundled]) -> None:
    """Units that were on a pole before: their areas may be known there alone."""
    from anpr_edge.fleet.unitareas import has_areas

    units = [folder.unit(one.name) for one in made if one.is_new]
    without = [unit.name for unit in units if unit.serials and not has_areas(unit)]
    if without:
        more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
        note(f"no areas are known here of {', '.join(without[:MOST_NAMED])}{more}: a machine that has some")
        note("keeps them, a new one reads the whole picture. anpr-fleet unit areas imports them")


def _row(one: Bundled) -> dict[str, Any]:
    return {
        "unit": one.name,
        "file": str(one.path),
        "until": datetime.fromtimestamp(one.until_utc_s, UTC).isoformat(),
        "enrolment": str(one.enrolment),
        "verify_key": one.own_keys.verify_key if one.own_keys else None,
    }


def _day(utc_s: int) -> str:
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d")
