"""Policies as they come to a command: signed, or still in the words of their source."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anpr_edge.seal.policy.model import Policy


def add_policy_argument(parser: ArgumentParser, name: str = "file") -> None:
    """The argument that names a policy."""
    parser.add_argument(
        name, type=Path, metavar=name.upper(), help="a policy, signed or as its source (*.toml)"
    )


def show_policy(path: Path) -> Policy:
    """What the policy in a file says, whoever signed it: for showing alone.

    Raises: PolicyError when it is neither a source nor a signed policy.
    """
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.policy_source import load_source
    from anpr_edge.policystore import read_policy_file
    from anpr_edge.seal.policy.signed import read_unverified

    if path.suffix == ".toml":
        return load_source(path, SystemClock().now().utc_ns // 10**9)
    return read_unverified(read_policy_file(path))
