"""What the three programs have in common: commands from modules, errors to words, exit codes."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from anpr_edge import __version__
from anpr_edge.cli.output import note, show_error
from anpr_edge.errors import AnprError, reason

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
EXIT_BUG = 70
"""sysexits.h EX_SOFTWARE: not a finding, not a mistake of the caller, but ours."""

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
"""What a person can mend, wherever it strikes: standard output has no file name to say."""

DEFAULT_CONFIG = Path("/etc/anpr-edge/unit.toml")


def add_config_option(parser: ArgumentParser) -> None:
    """The option `--config FILE`, the same in every command that needs the unit's configuration."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="the unit's configuration (%(default)s)",
    )


def run_program(name: str, purpose: str, commands: Sequence[str], argv: Sequence[str] | None) -> int:
    """Run one command of a program and give its exit code.

    Each module named in `commands` has `add_parser(subparsers)`, which sets the default `run`: a function
    from the parsed arguments to the exit code. Modules import what is heavy inside `run`.
    """
    arguments = build_parser(name, purpose, commands).parse_args(argv)
    debug = arguments.debug or bool(os.environ.get("ANPR_DEBUG"))
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except AnprError as error:
        show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_BROKEN_PIPE
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            note(f"error: cannot write {error.filename or 'the output'}: {reason(error)}")
            _silence_stdout()
            return AnprError.exit_code
        _report_bug(error, debug)
        return EXIT_BUG
    return code


def build_parser(name: str, purpose: str, commands: Sequence[str]) -> ArgumentParser:
    """The whole command line of a program, with every command's own parser in it."""
    parser = ArgumentParser(prog=name, description=purpose)
    parser.add_argument("--version", action="version", version=f"{name} {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where an unexpected error came from")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        import_module(command).add_parser(subparsers)
    return parser


def _report_bug(error: Exception, debug: bool) -> None:
    """Name the kind and place of an unexpected error; its text may hold a plate and stays out (law 2)."""
    if debug:
        traceback.print_exception(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    note(f"error: unexpected {type(error).__name__} at {Path(last.filename).name}:{last.lineno}")
    if not debug:
        note("hint: run it again with --debug before the command, and report what it prints")


def _silence_stdout() -> None:
    """Let the interpreter's own flush at exit go nowhere, now that nobody reads any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
