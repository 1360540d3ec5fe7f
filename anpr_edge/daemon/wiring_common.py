"""What both services are built with: the outbox that joins them, and the report of how they are."""

from __future__ import annotations

import logging
from datetime import timedelta

from anpr_edge.commandstore import COMMANDS_FILE, CommandStore
from anpr_edge.config import Config
from anpr_edge.daemon.commandjudge import CommandJudge, Identity
from anpr_edge.daemon.state import StateReport
from anpr_edge.dailycounts import DailyCounts, counts_file
from anpr_edge.errors import AnprError, KeyFileError
from anpr_edge.outbox.outbox import DEFAULT_RETENTION, SqliteOutbox
from anpr_edge.policystore import Standing
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seams import Clock
from anpr_edge.statefile import StateFile
from anpr_edge.unitpolicy import admitted

log = logging.getLogger(__name__)

WITHDRAWN = timedelta(0)
"""How long reads may still wait for a feed that the signed policy no longer has."""


def admit_policy(config: Config, clock: Clock) -> Standing:
    """What the unit's feeds are from now on, said in the log.

    Raises: PolicyError when the policy is refused and there is no good one to keep.
    """
    standing = admitted(config, clock.now().utc_ns)
    if standing.refused:
        log.error("policy: %s; policy %d stays in force", standing.refused, standing.policy.version)
    elif standing.policy.version:
        log.info("policy %d, %s, is in force", standing.policy.version, standing.sha256)
    return standing


def build_outbox(config: Config, policy: Policy, clock: Clock) -> SqliteOutbox:
    """The outbox, opened by either service, with the retention that the policy gives each feed."""
    return SqliteOutbox(
        config.outbox.path,
        clock,
        max_bytes=config.outbox.max_megabytes * 1_000_000,
        retention={feed.name: timedelta(seconds=feed.waits_s) for feed in policy.feeds},
        first=[feed.name for feed in policy.feeds if feed.first],
        default_retention=WITHDRAWN if policy.version else DEFAULT_RETENTION,
    )


def build_counts(process: str, config: Config, clock: Clock) -> DailyCounts:
    """What the service counts by day, for `anpr-edge transparency`."""
    return DailyCounts(counts_file(config.unit.state_dir, process), clock)


def groups_of(config: Config) -> tuple[str, ...]:
    """What the unit can be addressed by besides its name."""
    return tuple({*config.commands.groups, *(config.policy.groups if config.policy else ())})


def command_key(config: Config) -> VerifyKey | None:
    """The key whose commands count; None, said in the log, when there is none that can be used."""
    file = config.commands.key_file
    if not file.exists():
        log.warning("%s: no such file: the unit takes no commands until it is there (docs/commands.md)", file)
        return None
    try:
        return VerifyKey.load(file)
    except KeyFileError as error:
        log.error("%s; the unit takes no commands", error)
        return None


def identity_of(config: Config) -> Identity:
    """Whose commands count, and for whom they must be."""
    return Identity(config.unit.fleet, config.unit.id, groups_of(config), command_key(config))


def build_judge(process: str, config: Config, clock: Clock) -> tuple[CommandJudge, CommandStore] | None:
    """What judges commands for one service; None, said in the log, when nothing can be remembered of them."""
    unit = config.unit
    try:
        store = CommandStore(unit.state_dir / COMMANDS_FILE)
        return CommandJudge(process, identity_of(config), store, unit.state_dir, clock), store
    except AnprError as error:
        log.error("%s; the %s takes no commands: %s", error, process, error.hint)
        return None


def build_report(process: str, config: Config, clock: Clock) -> StateReport:
    """The service's state file, `<run_dir>/<process>.json`."""
    return StateReport(process, StateFile(config.unit.run_dir / f"{process}.json"), clock)
