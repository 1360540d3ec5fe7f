"""`anpr-fleet command`: sign a command to units, and write it to a file or send it and gather replies.

`--json`: {"schema": 1, "command", "number", "request", "replies": [{"unit", "by", "outcome", "says",
"document"}], "left_out": [UNIT]}; `document` is the signed reply as docs/commands.md has it, {} where there
was none; `left_out` are units that were not asked, since they are away and retired.

Exit code: 0 every unit did it, 1 one refused, failed or was silent.
"""

from __future__ import annotations

import secrets
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_places import add_passphrase_option, ask_passphrase
from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import json_line, note, progress, table
from anpr_edge.errors import UsageError
from anpr_edge.uplink import topics

if TYPE_CHECKING:
    from anpr_edge.fleet.commanding import Commander, Reply
    from anpr_edge.seal.commands import Argument, Command

SCHEMA = 1
NUMBERS = frozenset({"minutes", "within_s", "within_h", "size"})
WELL = frozenset({"done", "accepted"})

TEXT = """Sign a command to one unit, some, a group or all of a fleet; send it over the broker and gather
the units' signed replies, or write it to a file for `--signed` to send later. --home holds
command.pem, ca.crt, and the commander's tls.crt and tls.pem.

  ping                                say that you are there
  health                              publish the health message now
  reload   --arg what=policy|config   check it, and work by it
  drain    [--arg within_s=600]       deliver everything kept, until the centre has confirmed it
  pause    --arg feed=F --arg minutes=N    keep no reads for a feed, for some minutes
  resume   --arg feed=F               end a pause
  restart  --arg service=reader|uplink     end a service, for systemd to start it again
  report                              write a support report on the unit
  update   --bundle FILE --arg version=V --arg path=P [--arg within_h=72] [--arg older=yes]
                                      fetch P from the units' update server, install it, try it

  anpr-fleet command drain --unit unit-0001 --fleet demo --home control --host broker.example"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `command`."""
    parser = subparsers.add_parser(
        "command",
        help="sign a command to units, send it, and gather replies",
        description=TEXT,
        epilog="exit code: 0 every unit did it, 1 one refused, failed or was silent",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the command")
    _add_whom(parser)
    parser.add_argument(
        "--arg", action="append", default=[], metavar="KEY=VALUE", help="an argument; repeat for more"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="for update: its arguments sha256 and size are this file's",
    )
    parser.add_argument(
        "--expires",
        type=whole(1, 7 * 86_400),
        default=600,
        metavar="SECONDS",
        help="units refuse it after that (%(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the signed command here; send nothing"
    )
    parser.add_argument("--signed", type=Path, metavar="FILE", help="send what --out wrote; sign nothing")
    _add_connection(parser)
    parser.set_defaults(run=run)


def _add_whom(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("for whom (one of these)")
    group.add_argument("--unit", action="append", default=[], metavar="U", help="a unit; repeat for more")
    group.add_argument("--group", action="append", default=[], metavar="G", help="the units of a group")
    group.add_argument("--all", action="store_true", help="every unit of the fleet")
    parser.add_argument("--fleet", required=True, help="the fleet's name")
    parser.add_argument(
        "--fleet-dir",
        type=Path,
        metavar="FOLDER",
        help="with --group or --all: the fleet folder, whose retired units are not asked while they are away "
        "(this one, when it is one)",
    )


def _add_connection(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("how")
    group.add_argument(
        "--home", type=Path, default=Path(), metavar="FOLDER", help="keys and certificates (.)"
    )
    group.add_argument("--key", type=Path, metavar="FILE", help="the command key (command.pem in --home)")
    add_passphrase_option(group)
    group.add_argument("--host", default="localhost", help="the broker, as in its certificate (%(default)s)")
    group.add_argument("--port", type=whole(1, 65535), default=8883, help="its TLS port (%(default)s)")
    group.add_argument(
        "--wait",
        type=between(0.1, 86_400),
        default=30.0,
        metavar="SECONDS",
        help="how long to wait for replies (%(default)s)",
    )
    group.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Sign and write, or send and wait."""
    command, blob = _read_signed(arguments) if arguments.signed else _signed(arguments)
    if arguments.out:
        if arguments.out.exists():
            raise UsageError(f"{arguments.out} exists", hint="name a new file")
        arguments.out.write_bytes(blob)
        print(arguments.out)
        note(f"{command.name}, number {command.number}: send it in time with --signed {arguments.out}")
        return 0
    commander = _commander(arguments)
    replies = _gather(arguments, commander, command, blob)
    _show(arguments, command, replies, commander.left_out)
    last = {(reply.unit, reply.by): reply.outcome for reply in replies}
    return 0 if last and all(outcome in WELL for outcome in last.values()) else 1


def _signed(arguments: Namespace) -> tuple[Command, bytes]:
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.commandkey import COMMAND_KEY, next_number
    from anpr_edge.seal.commandbook import checked
    from anpr_edge.seal.commands import Command, sign_command
    from anpr_edge.seal.keys import SigningKey

    _check(arguments)
    key_file = arguments.key or arguments.home / COMMAND_KEY
    key = SigningKey.load(key_file, ask_passphrase(arguments.passphrase_file))
    utc_s = SystemClock().now().utc_ns // 10**9
    command = Command(
        fleet=arguments.fleet,
        units=tuple(sorted(set(arguments.unit))),
        groups=tuple(sorted(set(arguments.group))),
        number=1,
        request=secrets.token_bytes(16),
        issued_utc_s=utc_s,
        expires_utc_s=utc_s + arguments.expires,
        name=arguments.name,
        arguments={**_arguments(arguments.arg), **bundle_arguments(arguments.bundle)},
    )
    checked(command)
    command = replace(command, number=next_number(key_file.parent, utc_s))
    return command, sign_command(command, key)


def _read_signed(arguments: Namespace) -> tuple[Command, bytes]:
    from anpr_edge.fleet.commandkey import COMMAND_KEY
    from anpr_edge.seal.commands import open_command
    from anpr_edge.seal.keys import SigningKey

    try:
        blob = arguments.signed.read_bytes()
    except OSError as error:
        raise UsageError(f"{arguments.signed}: {error.strerror}") from None
    key_file = arguments.key or arguments.home / COMMAND_KEY
    key = SigningKey.load(key_file, ask_passphrase(arguments.passphrase_file))
    command = open_command(blob, key.public)
    if command.fleet != arguments.fleet:
        raise UsageError(f"{arguments.signed} is for fleet {command.fleet}, not {arguments.fleet}")
    return command, blob


def _check(arguments: Namespace) -> None:
    if not arguments.name:
        raise UsageError("which command?", hint="anpr-fleet command --help lists them")
    if sum(map(bool, (arguments.unit, arguments.group, arguments.all))) != 1:
        raise UsageError("for whom?", hint="give --unit, --group or --all, one kind of them")
    for name in (arguments.fleet, *arguments.unit, *arguments.group):
        if not topics.is_name(name):
            raise UsageError(f"{name!r} cannot name a fleet, unit or group", hint=topics.NAME_HINT)


def _arguments(given: list[str]) -> dict[str, Argument]:
    found: dict[str, Argument] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key or key in found:
            raise UsageError(f"--arg {text}: expected KEY=VALUE, each key once")
        found[key] = int(value) if key in NUMBERS and value.isdecimal() else value
    return found


def bundle_arguments(bundle: Path | None) -> dict[str, Argument]:
    """What an `update` has to say of its bundle's file; nothing without one.

    Raises: UsageError when the file cannot be read.
    """
    import hashlib

    if bundle is None:
        return {}
    try:
        with bundle.open("rb") as file:
            return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "size": file.tell()}
    except OSError as error:
        raise UsageError(f"{bundle}: {error.strerror}") from None


def _gather(arguments: Namespace, commander: Commander, command: Command, blob: bytes) -> list[Reply]:
    """Every reply, each service's last one alone; those before it are shown as progress."""
    last: dict[tuple[str, str], Reply] = {}
    retired = () if command.units else _retired(arguments)
    for reply in commander.send(command, blob, command.units, arguments.wait, retired=retired):
        last[reply.unit, reply.by] = reply
        progress(f"{reply.unit} {reply.by}: {reply.outcome}, {reply.says} ({len(last)} so far)")
    progress("")
    if commander.left_out:
        note(f"left out, away and retired in the fleet folder: {' '.join(commander.left_out)}")
    if not last:
        note("no unit was found: none has left its status at the broker, or none is of this group")
    return [last[key] for key in sorted(last)]


def _retired(arguments: Namespace) -> frozenset[str]:
    """The units that the fleet folder has as retired: the one given, or this one when it is this fleet's.

    Raises: UsageError, ConfigError.
    """
    from anpr_edge.fleet.folder import FLEET_FILE, FleetFolder
    from anpr_edge.fleet.unitrecord import State

    given: Path | None = arguments.fleet_dir
    if given is None and not Path(FLEET_FILE).is_file():
        return frozenset()
    folder = FleetFolder(given or Path())
    if folder.fleet == arguments.fleet:
        return frozenset(unit.name for unit in folder.units() if unit.state is State.RETIRED)
    if given is not None:
        raise UsageError(f"{given} is the folder of fleet {folder.fleet}, not {arguments.fleet}")
    return frozenset()


def _commander(arguments: Namespace) -> Commander:
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.commanding import Commander
    from anpr_edge.seal.certificates import read_certificate
    from anpr_edge.uplink.link import LinkOptions
    from anpr_edge.uplink.tls import Credentials, SettingNames

    home: Path = arguments.home
    credentials = Credentials(home / "ca.crt", home / "tls.crt", home / "tls.pem")
    credentials.context()  # a missing file will not come by waiting
    options = LinkOptions(
        host=arguments.host,
        port=arguments.port,
        credentials=credentials,
        client_id=f"{arguments.fleet}.command.{secrets.token_hex(8)}",
        settings=SettingNames(host="--host", port="--port", ca="--home", cert="--home"),
    )
    return Commander(options, read_certificate(credentials.ca_file), SystemClock())


def _show(arguments: Namespace, command: Command, replies: list[Reply], left_out: tuple[str, ...]) -> None:
    if arguments.json:
        said = [
            {
                "unit": reply.unit,
                "by": reply.by,
                "outcome": reply.outcome,
                "says": reply.says,
                "document": dict(reply.document),
            }
            for reply in replies
        ]
        head = {"schema": SCHEMA, "command": command.name, "number": command.number}
        json_line({**head, "request": command.request.hex(), "replies": said, "left_out": list(left_out)})
        return
    if replies:
        table(
            ("unit", "service", "outcome", ""), [(one.unit, one.by, one.outcome, one.says) for one in replies]
        )
