"""`anpr-edge list`: take a list of vehicles of interest, and say what is held, without any plate.

`show --json`: {"schema": 1, "lists": [{"name", "revision", "entries", "until", "expired"}]}; a list that is
missing has null in the place of each value.
"""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.output import finding, json_line, note, table
from anpr_edge.cli.program import add_config_option
from anpr_edge.errors import UsageError

if TYPE_CHECKING:
    from anpr_edge.config import Config
    from anpr_edge.liststore import ListStore

SCHEMA = 1
TEXT = """Lists of vehicles of interest come sealed to this unit's open key (anpr-edge init prints it),
signed by the keeper that the policy names. They lie on the disk sealed, and count within 10 seconds.
docs/lists.md says what that protects and what it does not.

  sudo anpr-edge list load stolen-12.cose"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `list` with its commands load and show."""
    group = subparsers.add_parser(
        "list", help="take or show the lists of vehicles of interest", description=TEXT
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    load = commands.add_parser("load", help="take a list, or a change to one")
    load.add_argument("file", type=Path, metavar="FILE", help="a sealed list")
    load.set_defaults(run=run_load)
    show = commands.add_parser("show", help="say which lists are held, how long they are and until when")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    show.set_defaults(run=run_show)
    for command in (load, show):
        add_config_option(command)


def run_load(arguments: Namespace) -> int:
    """Take a list that follows what is held, and enter it in the audit log."""
    from anpr_edge.auditlog import LIST_TAKEN, append
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.liststore import read_list_file
    from anpr_edge.seal.policy.model import utc_text
    from anpr_edge.unitpolicy import store_of

    config = load_config(arguments.config)
    store, policies = _store(config, arguments.config), store_of(config)
    blob = read_list_file(arguments.file)
    if policies is None:
        raise UsageError(f"{arguments.config}: no signed policy")
    with policies.locked():
        news, after = store.take(blob)
        until = utc_text(after.until_utc_s)
        details = {"list": news.name, "revision": news.revision, "entries": len(after.entries)}
        hashed = {"until": until, "sha256": hashlib.sha256(blob).hexdigest()}
        append(policies.audit_log, SystemClock().now().utc_ns, LIST_TAKEN, {**details, **hashed})
    measured = f"revision {news.revision}, {len(after.entries)} entries, until {until}"
    finding("ok", f"list {news.name}", measured)
    note("The reader has it within 10 seconds.")
    return 0


def run_show(arguments: Namespace) -> int:
    """Print a line for each list that the policy names."""
    from anpr_edge.config import load_config
    from anpr_edge.daemon.watchlists import WatchLists
    from anpr_edge.devices.clock import SystemClock

    store = _store(load_config(arguments.config), arguments.config)
    state = WatchLists(store, SystemClock()).state()
    keys = ("revision", "entries", "until", "expired")
    rows = {
        name: {key: held[key] for key in keys} if isinstance(held, dict) else {}
        for name, held in state.items()
    }
    if arguments.json:
        lists = [{"name": name, **dict.fromkeys(keys), **row} for name, row in rows.items()]
        json_line({"schema": SCHEMA, "lists": lists})
        return 0
    table(("list", *keys), [(name, *(row.get(key, "-") for key in keys)) for name, row in rows.items()])
    return 0


def _store(config: Config, path: Path) -> ListStore:
    from anpr_edge.unitpolicy import in_force, list_store

    store = list_store(config, in_force(config))
    if store is None:
        raise UsageError(
            f"{path}: no feed of this unit waits for a list", hint="a policy names one: docs/lists.md"
        )
    return store
