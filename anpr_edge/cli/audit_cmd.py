"""`anpr-edge audit`: the unit's public trace of policy changes and commands, shown and verified.

`audit show --json`: {"schema": 1, "file", "entries": [entry], "head", "trouble"}.
Exit code of both: 0 the chain holds, 1 it does not.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.output import finding, json_line
from anpr_edge.cli.program import add_config_option

if TYPE_CHECKING:
    from anpr_edge.auditlog import Audit

SCHEMA = 1


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `audit` with its commands show and verify."""
    group = subparsers.add_parser("audit", help="show or verify the log of policy changes")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    show = commands.add_parser("show", help="print every entry in words")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    show.set_defaults(run=run_show)
    verify = commands.add_parser("verify", help="check that no entry was changed, removed or put in")
    verify.add_argument(
        "--head", metavar="HASH", help="a last entry's hash noted elsewhere: must be in the log"
    )
    verify.set_defaults(run=run_verify)
    for command in (show, verify):
        add_config_option(command)


def run_show(arguments: Namespace) -> int:
    """Print the log."""
    path, audit = _audit(arguments.config)
    if arguments.json:
        head = {"schema": SCHEMA, "file": str(path), "entries": list(audit.entries)}
        json_line({**head, "head": audit.head, "trouble": audit.trouble})
    else:
        for number, entry in enumerate(audit.entries, start=1):
            print("\n".join(_words(number, entry)))
        if audit.trouble:
            finding("fail", str(path), audit.trouble)
    return 1 if audit.trouble else 0


def run_verify(arguments: Namespace) -> int:
    """Check the chain and, when one was noted, that it leads through that hash."""
    path, audit = _audit(arguments.config)
    trouble = audit.trouble
    hashes = {entry["previous"] for entry in audit.entries} | {audit.head}
    if not trouble and arguments.head and arguments.head not in hashes:
        trouble = "the noted hash is not in it: entries are missing at its end, or it is another log"
    if trouble:
        step = "treat what follows as changed by hand; compare with the policy topic and other copies"
        finding("fail", str(path), trouble, next_step=step)
        return 1
    finding("ok", str(path), f"{len(audit.entries)} entries, the last is {audit.head}")
    return 0


def _audit(config_path: Path) -> tuple[Path, Audit]:
    from anpr_edge.auditlog import AUDIT_FILE, read_audit
    from anpr_edge.config import load_config

    path = load_config(config_path).unit.state_dir / AUDIT_FILE
    return path, read_audit(path)


def _words(number: int, entry: Mapping[str, Any]) -> Iterator[str]:
    replaces = f", replaces policy {entry['replaces']}" if entry.get("replaces") else ""
    version = f" {entry['version']}" if "version" in entry else ""
    listed = "{list}, revision {revision}: {entries} entries until {until}" if "list" in entry else ""
    about = listed.format_map(entry) + _command(entry) + _update(entry)
    yield f"{number}. {entry['utc']}  {entry['event']}{version}{replaces} {about}".rstrip()
    for label in ("reason", "why"):
        if label in entry:
            yield f"     {label}: {entry[label]}"
    yield from (f"     {line}" for line in entry.get("changes", ()))


def _update(entry: Mapping[str, Any]) -> str:
    """What an update's entry is about; empty for other entries."""
    if not str(entry["event"]).startswith("update-"):
        return ""
    ordered = f", ordered by command {entry['number']}" if "number" in entry else ", by hand"
    return f"from {entry.get('from')}, slot {entry.get('slot')}{ordered}"


def _command(entry: Mapping[str, Any]) -> str:
    """What a command's entry is about; empty for other entries."""
    if not str(entry["event"]).startswith("command-"):
        return ""
    given = " ".join(f"{key}={value}" for key, value in entry.get("arguments", {}).items())
    parts = [f"{entry.get('command', '')} {given}".strip(), str(entry.get("kind", ""))]
    parts += [f"number {entry['number']}"] if "number" in entry else []
    parts += [f"by the {entry.get('by')}"]
    parts += [f"{entry['unlisted']} more before it"] if "unlisted" in entry else []
    return ", ".join(part for part in parts if part)
