"""`anpr-edge console`: a menu for the technician, on the unit's own screen and keyboard.

Exit code: 0 it was left.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anpr_edge import __version__
from anpr_edge.cli.program import add_config_option

CONSOLE_USED = "console-used"
"""Somebody at the unit's own screen had the reader pause, or something written onto a stick."""
PROGRAM = (sys.executable, "-m", "anpr_edge.cli.edge")
TEXT = """A menu for whoever stands at the unit with a screen and a keyboard: status, every check, the aim
page, a drive-by test, a report and the sealed reads onto a USB stick, a bundle or certificate from one,
retirement. There is no login, because there
is nothing to log in to: no shell, no file but those, no plate in full, no key. Where a unit comes from
the image, anpr-edge-console.service shows it on the screen; Ctrl-C ends what runs and comes back.

  sudo anpr-edge console"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `console`."""
    parser = subparsers.add_parser(
        "console",
        help="a menu for the technician, on the unit's own screen",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Show the menu until it is left."""
    from anpr_edge.cli.console_menu import Desk, run_child, run_paged, serve
    from anpr_edge.cli.usbstick import stick

    config: Path = arguments.config

    serve(
        Desk(
            program=PROGRAM,
            config=config,
            ask=input,
            run=run_child,
            page=run_paged,
            reader_away=lambda: _reader_away(config),
            stick=stick,
            interfaces=_interfaces,
            trace=lambda command: _trace(config, command),
            verify_key=lambda: _verify_key(config),
        ),
        lambda: _heading(config),
    )
    return 0


def _heading(config: Path) -> str:
    from anpr_edge.config import load_config
    from anpr_edge.errors import AnprError

    try:
        unit = load_config(config).unit
    except AnprError as error:
        return f"anpr-edge {__version__}: no unit yet, or not a sound one\n{error}"
    key = _verify_key(config) or "no verify key yet"
    return f"anpr-edge {__version__}: unit {unit.id} of fleet {unit.fleet}\nverify key {key}"


def _verify_key(config: Path) -> str:
    """What the centre knows the unit by, or nothing; no secret."""
    from anpr_edge.cli.init import VERIFY_KEY
    from anpr_edge.config import load_config

    try:
        return (load_config(config).unit.keys_dir / VERIFY_KEY).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _trace(config: Path, command: str) -> None:
    """Who stood there is not known, and not entered.

    Raises: AnprError when it cannot be entered: then it is not done either.
    """
    from anpr_edge.aim.trace import Trace
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock

    Trace(load_config(config).unit.state_dir, SystemClock()).enter(CONSOLE_USED, command=command)


def _interfaces() -> list[str]:
    """Where a page may be served: first where the world does not reach."""
    from anpr_edge.aim.interfaces import outward_interfaces, own_addresses

    outward = outward_interfaces()
    own = {name for name in own_addresses().values() if name != "lo"}
    return sorted(own, key=lambda name: (name in outward, name))


@contextmanager
def _reader_away(config: Path) -> Iterator[None]:
    """The camera is free while the block runs; the reader comes back however it ends."""
    from anpr_edge.aim.readerpause import reader_paused
    from anpr_edge.config import load_config
    from anpr_edge.daemon.alone import alone

    state_dir = load_config(config).unit.state_dir
    with alone(state_dir, "aim"), reader_paused(state_dir / "aim.lock"):
        yield
