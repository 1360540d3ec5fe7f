"""`anpr-edge policy`: what a policy says, whether this unit would take it, and taking it.

Exit code of `check` and `load`: 0 taken, 78 refused.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.output import finding, note
from anpr_edge.cli.policy_files import add_policy_argument, show_policy
from anpr_edge.cli.program import add_config_option
from anpr_edge.errors import UsageError

if TYPE_CHECKING:
    from anpr_edge.policystore import PolicyStore


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `policy` with its commands explain, check and load."""
    group = subparsers.add_parser("policy", help="show, check or take the signed policy of the unit's feeds")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    explain = commands.add_parser("explain", help="say in plain English who gets what, when and what for")
    explain.add_argument(
        "file",
        type=Path,
        nargs="?",
        metavar="FILE",
        help="a policy, signed or not (default: the one in force)",
    )
    explain.set_defaults(run=run_explain)
    check = commands.add_parser("check", help="would this unit take this policy now?")
    load = commands.add_parser("load", help="take a policy: check it, enter it in the audit log, keep it")
    for command, run in ((check, run_check), (load, run_load)):
        add_policy_argument(command)
        command.set_defaults(run=run)
    for command in (explain, check, load):
        add_config_option(command)


def run_explain(arguments: Namespace) -> int:
    """Print a policy in words."""
    from anpr_edge.config import load_config
    from anpr_edge.seal.policy.words import explain
    from anpr_edge.unitpolicy import in_force

    if arguments.file is None:
        policy = in_force(load_config(arguments.config))
    else:
        policy = show_policy(arguments.file)
        note("This is what the file says; `anpr-edge policy check` says whether the unit would take it.")
    print("\n".join(explain(policy)))
    return 0


def run_check(arguments: Namespace) -> int:
    """Judge a policy as the services would, and change nothing."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.policystore import read_policy_file
    from anpr_edge.seal.policy.changes import changes

    store = _store(arguments.config)
    last = store.last_good()
    policy = store.judge(read_policy_file(arguments.file), SystemClock().now().utc_ns, last)
    finding("ok", str(arguments.file), f"policy {policy.version} may be taken by {store.fleet}/{store.unit}")
    for line in changes(None if last is None else last.policy, policy):
        print(f"     {line}")
    return 0


def run_load(arguments: Namespace) -> int:
    """Put a policy where the services find it, once it has passed."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.policystore import read_policy_file, write_policy_file

    store = _store(arguments.config)
    utc_ns = SystemClock().now().utc_ns
    blob = read_policy_file(arguments.file)
    store.judge(blob, utc_ns, store.last_good())
    with store.locked():
        write_policy_file(store.file, blob)
    standing = store.admit(utc_ns)
    finding("ok", str(store.file), f"policy {standing.policy.version} taken; entered in {store.audit_log}")
    note("The services start again by themselves within 10 seconds, and then work by it.")
    return 0


def _store(config_path: Path) -> PolicyStore:
    from anpr_edge.config import load_config
    from anpr_edge.unitpolicy import store_of

    store = store_of(load_config(config_path))
    if store is None:
        raise UsageError(
            f"{config_path}: this unit has [feeds] sections of its own, no signed policy",
            hint="put [policy] with the authority's key in their place (docs/policy.md)",
        )
    return store
