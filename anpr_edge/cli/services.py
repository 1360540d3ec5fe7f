"""`anpr-edge read` and `anpr-edge uplink`: the two services, in the foreground, as systemd runs them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from anpr_edge.cli.program import add_config_option

if TYPE_CHECKING:
    from anpr_edge.config import Config
    from anpr_edge.daemon.lifecycle import Service

START_AGAIN = 75
"""Exit code of a service that ended to be started again: for a newer policy, or by a command.

Source: sysexits.h (EX_TEMPFAIL).
"""

READ_HELP = """Take frames, read plates, seal each read for its feeds and keep it in the outbox.
Runs until the source ends or it is told to stop (Ctrl-C, SIGTERM); then finishes the
reads it has begun. Needs no network, and under systemd has none. A unit has one reader:
a second one is refused. Exit code 75: a newer policy is here, start it again."""

UPLINK_HELP = """Send sealed reads from the outbox to the broker, and forget them when the centre's
signed watermark says it has them. Runs until it is told to stop. Sees only ciphertext.
A unit has one uplink: a second one is refused. Exit code 75: a newer policy is here, start it again."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    for name, brief, text, run in (
        ("read", "run the reader: frames in, sealed reads into the outbox", READ_HELP, run_reader),
        ("uplink", "run the uplink: sealed reads from the outbox to the broker", UPLINK_HELP, run_uplink),
    ):
        parser = subparsers.add_parser(
            name,
            help=brief,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_config_option(parser)
        parser.set_defaults(run=run)


def run_reader(args: argparse.Namespace) -> int:
    """Run the reader until it ends."""
    from anpr_edge.daemon.wiring_reader import build_reader

    return _run("reader", args, lambda config: build_reader(config, args.config))


def run_uplink(args: argparse.Namespace) -> int:
    """Run the uplink until it is stopped."""
    from anpr_edge.daemon.wiring_uplink import build_uplink

    return _run("uplink", args, lambda config: build_uplink(config, args.config))


def _run(process: str, args: argparse.Namespace, build: Callable[[Config], Service]) -> int:
    from anpr_edge.config import load_config
    from anpr_edge.daemon.lifecycle import run_service
    from anpr_edge.daemon.logs import start_logging

    config = load_config(args.config)
    start_logging(config.log.level)
    return START_AGAIN if run_service(process, config, build) else 0
