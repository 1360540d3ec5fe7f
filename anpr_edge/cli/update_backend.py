"""`anpr-edge update-backend`: what RAUC asks and tells the bootloader, for the Raspberry Pi's firmware.

RAUC calls it by `bootloader-custom-backend` in its system.conf, through systemd/rauc-backend, which starts
this module alone: `python -m anpr_edge.cli.update_backend`.

Source: rauc.readthedocs.io, "Custom" under "Bootloader Interface".
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path

from anpr_edge.cli.program import run_program
from anpr_edge.errors import UpdateError, UsageError
from anpr_edge.update.layout import LAYOUT_FILE

WORDS = {"get-primary": 0, "set-primary": 1, "get-state": 1, "set-state": 2, "get-current": 0}
"""Each verb, and how many words follow it."""

TEXT = """What RAUC asks the bootloader, and tells it, by its custom backend interface:

  get-primary                  the slot that is to run next: A or B
  set-primary SLOT             have SLOT run next: on trial, once, unless it is what runs
  get-state SLOT               good or bad
  set-state SLOT good|bad      good commits the slot that runs on trial; bad is tried no more
  get-current                  the slot that was booted

  anpr-edge update-backend get-primary"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `update-backend`."""
    parser = subparsers.add_parser(
        "update-backend",
        help="RAUC's side door to the bootloader (RAUC calls it)",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=WORDS, help="what RAUC asks or tells")
    parser.add_argument("words", nargs="*", metavar="SLOT [STATE]", help="A or B; and good or bad")
    add_layout_option(parser)
    parser.set_defaults(run=run)


def add_layout_option(parser: ArgumentParser) -> None:
    """The option `--layout FILE`: where the system image keeps its slots."""
    parser.add_argument(
        "--layout",
        type=Path,
        default=LAYOUT_FILE,
        metavar="FILE",
        help="where the image keeps its slots (%(default)s)",
    )


def run(arguments: Namespace) -> int:
    """Answer RAUC."""
    from anpr_edge.update.bootstore import BootStore
    from anpr_edge.update.layout import load_layout
    from anpr_edge.update.slots import checked_slot

    verb, words = arguments.verb, arguments.words
    if len(words) != WORDS[verb]:
        raise UsageError(f"{verb} takes {WORDS[verb]} words, not {len(words)}")
    store = BootStore(load_layout(arguments.layout))
    slot = checked_slot(words[0]) if words else ""
    if verb == "get-primary":
        print(store.load().primary)
    elif verb == "get-state":
        print("bad" if slot in store.load().bad else "good")
    elif verb == "get-current":
        running = store.running()
        if running is None:
            raise UpdateError("the firmware does not say which slot was booted")
        print(running)
    elif verb == "set-primary":
        store.change(lambda slots: slots.set_primary(slot))
    elif words[1] not in ("good", "bad"):
        raise UsageError(f"{words[1]!r} is no state", hint="there are good and bad")
    else:
        good = words[1] == "good"
        store.change(lambda slots: slots.set_good(slot) if good else slots.set_bad(slot))
    return 0


if __name__ == "__main__":
    words = ["update-backend", *sys.argv[1:]]
    sys.exit(run_program("anpr-edge", TEXT, ("anpr_edge.cli.update_backend",), words))
