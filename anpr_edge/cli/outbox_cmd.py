"""`anpr-edge outbox`: what waits on the unit, whether it is whole, and a way out by hand when no link goes.

`status --json`: {"schema": 1, "feeds": {NAME: {"waiting", "sent", "oldest_age_s", "last_seq", "watermark",
"bytes", "dropped": {cause: count}, "refused_acks", "restarts"}}}. `verify --json`: {"schema": 1, "feeds":
{NAME: {"reads", "gaps", "trouble"}}}. `export --json`: {"schema": 1, "folder": null when nothing is kept,
"feeds": {NAME: as in the folder's manifest}}. `confirm --json`: {"schema": 1, "feeds": {NAME: {"watermark",
"forgotten"} or {"trouble"}}}.

Exit code: 0 well, 1 something does not hold or cannot be read, 78 the configuration cannot be used.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.output import counted, finding, json_line, note, table
from anpr_edge.cli.program import add_config_option
from anpr_edge.cli.status import duration
from anpr_edge.errors import EnvelopeError, UsageError
from anpr_edge.records import Delivery

if TYPE_CHECKING:
    from anpr_edge.config import Config
    from anpr_edge.outbox.parcel import Parcel
    from anpr_edge.outbox.view import OutboxView
    from anpr_edge.seal.acks import Ack
    from anpr_edge.seal.keys import VerifyKey

SCHEMA = 1
TEXT = """Look into the outbox while the services run; carry sealed reads away by hand when the link is dead:

  anpr-edge outbox status            counts and ages, feed by feed
  anpr-edge outbox verify            every read signed by this unit, each following the one before
  anpr-edge outbox export /media/usb a folder of sealed reads, for `anpr-central import` at the other end
  anpr-edge outbox confirm FOLDER    forget what the centre's signed answers in that folder cover

Exporting deletes nothing: a read is forgotten when its centre's signed watermark covers it, whichever way
that comes. What is exported is ciphertext, as on the air."""


TEXTS = {
    "status": """How many reads of each feed wait, are sent and not confirmed yet, and how old the oldest is.

  sudo anpr-edge outbox status""",
    "verify": """Check that every read in the outbox is signed by this unit and follows the one before it.

  sudo anpr-edge outbox verify""",
    "export": """Write everything that is kept, as sealed as on the air, into a new folder in DIR, such as a
mounted USB stick. Nothing is deleted on the unit. At the centre: anpr-central import FOLDER --store PLACE.

  sudo anpr-edge outbox export /media/usb""",
    "confirm": """Heed the centre's signed answers in a folder that came back from there: what they cover
leaves the outbox, by the same rules as with an answer from the broker.

  sudo anpr-edge outbox confirm /media/usb/anpr-outbox-demo-unit-0001-20261126T224500Z""",
}
EXIT_CODES = {
    "status": "exit code: 0 it could be looked at, 1 it could not, 78 the configuration cannot be used",
    "verify": "exit code: 0 every read holds, 1 one does not, 78 the configuration cannot be used",
    "export": """exit code: 0 written, or nothing to write, 1 it could not be, 2 no such feed, 78 the
configuration cannot be used""",
    "confirm": "exit code: 0 every answer counts, 1 one does not, 78 the configuration cannot be used",
}


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `outbox` with its commands."""
    group = subparsers.add_parser(
        "outbox",
        help="look into the outbox; carry sealed reads away on a stick",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    status = _command(commands, "status", "counts and ages, feed by feed")
    verify = _command(commands, "verify", "check every read's signature and place in its chain")
    export = _command(commands, "export", "write a folder of sealed reads")
    export.add_argument("into", type=Path, metavar="DIR", help="where to, such as a mounted USB stick")
    export.add_argument("--feed", action="append", metavar="NAME", help="only this feed; more than once")
    confirm = _command(commands, "confirm", "heed the centre's answers in an exported folder")
    confirm.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that came back")
    for command, run in (
        (status, run_status),
        (verify, run_verify),
        (export, run_export),
        (confirm, run_confirm),
    ):
        add_config_option(command)
        command.set_defaults(run=run)
        command.add_argument("--json", action="store_true", help="print one JSON object")


def _command(commands: _SubParsersAction[ArgumentParser], name: str, what_for: str) -> ArgumentParser:
    return commands.add_parser(
        name,
        help=what_for,
        description=TEXTS[name],
        epilog=EXIT_CODES[name],
        formatter_class=RawDescriptionHelpFormatter,
    )


def run_status(arguments: Namespace) -> int:
    """Counts and ages."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.outbox.view import open_view

    with open_view(load_config(arguments.config).outbox.path) as view:
        stats = view.stats(SystemClock().now())
    if arguments.json:
        json_line({"schema": SCHEMA, "feeds": {feed: asdict(one) for feed, one in stats.items()}})
        return 0
    rows = [
        (
            feed,
            one.waiting,
            one.sent,
            "–" if one.oldest_age_s is None else duration(one.oldest_age_s),
            f"#{one.last_seq}",
            f"#{one.watermark}",
            f"{one.bytes / 1e6:.1f} MB",
            ", ".join(f"{count} {cause}" for cause, count in sorted(one.dropped.items())) or "none",
        )
        for feed, one in stats.items()
    ]
    table(("feed", "waiting", "sent", "oldest", "last", "confirmed", "size", "given up"), rows)
    return 0


def run_verify(arguments: Namespace) -> int:
    """Signatures and chains; 1 when one does not hold."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.diag.chain import examine_chain
    from anpr_edge.outbox.view import open_view

    config = load_config(arguments.config)
    unit, key = config.unit, _unit_key(config)
    with open_view(config.outbox.path) as view:
        feeds = list(view.stats(SystemClock().now()))
        found = {feed: examine_chain(view.reads(feed), unit.fleet, unit.id, key) for feed in feeds}
    if arguments.json:
        json_line({"schema": SCHEMA, "feeds": {feed: asdict(one) for feed, one in found.items()}})
    else:
        for feed, one in found.items():
            if one.trouble:
                finding(
                    "fail", feed, one.trouble, next_step="anpr-edge doctor disk storage outbox; keep a copy"
                )
            else:
                finding("ok", feed, f"{counted(one.reads, 'read')}, {counted(one.gaps, 'gap')} between them")
    return 1 if any(one.trouble for one in found.values()) else 0


def run_export(arguments: Namespace) -> int:
    """Write a parcel of everything kept, or of some feeds."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.outbox.parcel import pack
    from anpr_edge.outbox.view import open_view

    config, now = load_config(arguments.config), SystemClock().now()
    with open_view(config.outbox.path) as view:
        stats = view.stats(now)
        feeds = arguments.feed or list(stats)
        for feed in feeds:
            if feed not in stats:
                raise UsageError(
                    f"no feed {feed} in the outbox", hint=f"there are {', '.join(stats) or 'none'}"
                )
        if not any(stats[feed].waiting + stats[feed].sent for feed in feeds):
            note("nothing is kept: there is nothing to carry away")
            if arguments.json:
                json_line({"schema": SCHEMA, "folder": None, "feeds": {}})
            return 0
        reads = {feed: view.reads(feed) for feed in feeds}
        parcel = pack(arguments.into, config.unit.fleet, config.unit.id, reads, now.utc_ns)
    if arguments.json:
        feeds_written = {part.feed: asdict(part) for part in parcel.parts}
        json_line({"schema": SCHEMA, "folder": str(parcel.folder), "feeds": feeds_written})
    else:
        for part in parcel.parts:
            finding("ok", part.feed, f"{counted(part.reads, 'read')}, #{part.first_seq} to #{part.last_seq}")
        print(parcel.folder)
    note("unmount the stick before pulling it out; at the centre: anpr-central import FOLDER --store FILE")
    return 0


def run_confirm(arguments: Namespace) -> int:
    """Heed the centre's watermarks in a parcel; 1 when one does not count."""
    from contextlib import closing

    from anpr_edge.config import load_config
    from anpr_edge.daemon.wiring_common import build_outbox
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.errors import OutboxError
    from anpr_edge.outbox.parcel import unpack
    from anpr_edge.outbox.view import open_view
    from anpr_edge.unitpolicy import in_force

    config, parcel = load_config(arguments.config), unpack(arguments.folder)
    with open_view(config.outbox.path) as view:
        carried = _carried(parcel, view)
    told: dict[str, dict[str, object]] = {}
    policy = in_force(config)
    with closing(build_outbox(config, policy, SystemClock())) as outbox:
        for feed, ack_key in ((feed.name, feed.ack_key) for feed in policy.feeds):
            try:
                ack = _answer(config, parcel.ack_file(feed), feed, ack_key)
                if ack is None:
                    continue
                before = outbox.stats()[feed]
                outbox.record([one for one in carried if one.feed == feed])
                outbox.settle(feed, ack.watermark, ack.gaps)
                after = outbox.stats()[feed]
            except (EnvelopeError, OutboxError) as error:
                told[feed] = {"trouble": str(error)}
                continue
            gone = before.waiting + before.sent - after.waiting - after.sent
            told[feed] = {"watermark": ack.watermark, "forgotten": gone}
    if arguments.json:
        json_line({"schema": SCHEMA, "feeds": told})
    else:
        _show_confirmed(told)
    return 1 if any("trouble" in one for one in told.values()) else 0


def _show_confirmed(told: Mapping[str, Mapping[str, Any]]) -> None:
    for feed, one in told.items():
        if "trouble" in one:
            finding("fail", feed, one["trouble"])
        else:
            words = f"{counted(one['forgotten'], 'read')} forgotten"
            finding("ok", feed, f"confirmed up to #{one['watermark']}: {words}")


def _carried(parcel: Parcel, view: OutboxView) -> list[Delivery]:
    """The parcel's reads that the outbox still has, the very ones, as delivered: they went by hand."""
    from anpr_edge.outbox.parcel import read_part

    carried = [read for part in parcel.parts for read in read_part(parcel, part) if read is not None]
    held = {
        (read.feed, read.seq): sha256(read.blob).digest()
        for part in parcel.parts
        for read in view.reads(part.feed)
    }
    return [
        Delivery(read.feed, read.seq, 0)
        for read in carried
        if held.get((read.feed, read.seq)) == sha256(read.blob).digest()
    ]


def _answer(config: Config, path: Path, feed: str, ack_key: str) -> Ack | None:
    """The centre's answer for one feed; None when there is none. Raises: EnvelopeError."""
    from anpr_edge.seal.keys import VerifyKey
    from anpr_edge.seal.ownacks import open_own_ack

    try:
        blob = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    unit = config.unit
    kid = _unit_key(config).kid
    return open_own_ack(
        blob, VerifyKey.parse(ack_key), fleet=unit.fleet, unit=unit.id, feed=feed, unit_kid=kid
    )


def _unit_key(config: Config) -> VerifyKey:
    from anpr_edge.seal.keys import VerifyKey

    return VerifyKey.load(config.unit.keys_dir / "sign.pub")
