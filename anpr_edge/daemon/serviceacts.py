"""What either service can do on a command: end to be started again, take a changed configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from anpr_edge.config import Config
from anpr_edge.config.load import inspect_config
from anpr_edge.daemon.commandreply import Answer
from anpr_edge.errors import ConfigError

MOST_PROBLEMS = 5
"""Problems of a configuration that a reply tells; values that may be secret are in none."""


def is_supervised(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a service manager waits for this process, and starts it again when it ends for that."""
    return bool(environ.get("NOTIFY_SOCKET"))


def restart(end: Callable[[], None], *, supervised: bool) -> Answer:
    """End the service in order, by `end`, unless nobody would start it again."""
    if not supervised:
        return Answer("failed", "no service manager would start it again: it was started by hand")
    end()
    return Answer("accepted", "it ends, and is started again")


def reload_config(config: Config, file: Path | None, end: Callable[[], None], *, supervised: bool) -> Answer:
    """Check the configuration's file; end by `end`, to start again with it, when it can be used."""
    if file is None:
        return Answer("failed", "the configuration comes from no file")
    try:
        inspection = inspect_config(file)
    except ConfigError as error:
        return Answer("failed", f"{error}; the service goes on with what it has")
    if inspection.config is None:
        problems = [str(problem) for problem in inspection.problems[:MOST_PROBLEMS]]
        says = f"{file} cannot be used: {problems[0]}; the service goes on with what it has"
        return Answer("failed", says, {"problems": problems})
    old, new = config.unit, inspection.config.unit
    if (old.fleet, old.id, old.state_dir) != (new.fleet, new.id, new.state_dir):
        return Answer("failed", f"{file}: is of another unit; the service goes on with what it has")
    return restart(end, supervised=supervised)
