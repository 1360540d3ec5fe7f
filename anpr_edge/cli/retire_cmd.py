"""`anpr-edge retire`: the unit's keys destroyed, its data wiped, and a page that proves it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.needs_root import needing_root
from anpr_edge.cli.output import counted, note
from anpr_edge.errors import AnprError, UsageError, reason

if TYPE_CHECKING:
    from anpr_edge.config import Config
    from anpr_edge.firstboot.places import Places
    from anpr_edge.firstboot.retire import Left, Retiring
    from anpr_edge.records import Instant

TEXT = """Retire this unit for good: its outbox, policy, configuration and state are wiped, and its keys
destroyed (a TPM that held one is cleared). What cannot be undone is asked for: type the unit's name,
or give --yes UNIT. Before the keys go they sign a page that says what was destroyed; it is printed,
and written beside where bundles come from, as UNIT.retired.txt. Stop the services first. A retirement
that was cut short is finished by the next run.

The workshop checks the page when the name ends with the machine: anpr-fleet unit retire UNIT --proof
UNIT.retired.txt. When another machine takes its place, under its name, the workshop revokes the old
certificates instead: anpr-fleet revoke UNIT before the new one enrols, anpr-fleet revoke UNIT --old
after that; without --old it would revoke the new machine's certificate as well.

  sudo systemctl stop anpr-edge.target && sudo anpr-edge retire"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `retire`."""
    parser = subparsers.add_parser(
        "retire",
        help="destroy the unit's keys and data, and prove it",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--yes", metavar="UNIT", help="the unit's name, in the place of typing it")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write the page as well")
    parser.add_argument(
        "--discard-reads",
        action="store_true",
        help="also when reads are here that the centre has not confirmed",
    )
    parser.add_argument("--while-running", action="store_true", help="also when the services seem to run")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="retire the system below here (/)"
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Ask, destroy, prove. Exit code 1 when it may not be, or a TPM was not cleared."""
    with needing_root():
        return _run(arguments)


def _run(arguments: Namespace) -> int:
    from anpr_edge.firstboot.places import CARD_FOLDER, Places
    from anpr_edge.firstboot.retire import begun, finish, forget

    root: Path = arguments.root.absolute()
    places = Places(root, root / CARD_FOLDER.relative_to("/"))
    retiring = begun(places) or _begin(arguments, places)
    page, trouble = finish(retiring, places)
    sys.stdout.write(page)
    sys.stdout.flush()
    target: Path = arguments.out or places.card / f"{retiring.unit}.retired.txt"
    _hand_over(page, target)
    forget(places)
    note(f"{retiring.fleet}/{retiring.unit} is retired. Print {target}, and in the workshop:")
    _what_next(retiring.unit, target.name)
    if trouble:
        note(f"warning: the keys' files are destroyed, but {trouble}")
    return 1 if trouble else 0


def _what_next(unit: str, proof: str) -> None:
    """The workshop's part. `revoke` takes all the certificates that a name has, the next machine's too."""
    note("when another machine takes its place, under its name:")
    note(f"  anpr-fleet revoke {unit}      before that one enrols")
    note(f"  anpr-fleet revoke {unit} --old      after that: the new machine's certificate stays good")
    note("when the name ends with it:")
    note(f"  anpr-fleet unit retire {unit} --proof {proof}")
    note(f"  then at the centre: anpr-central units remove {unit}")


def _begin(arguments: Namespace, places: Places) -> Retiring:
    from anpr_edge.bundlecheck import CONFIG_FILE
    from anpr_edge.config.load import inspect_text, read_text
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.firstboot.places import STATE
    from anpr_edge.firstboot.retire import begin, reads_left

    text = read_text(places.config_file)
    config = inspect_text(CONFIG_FILE, text).usable()
    if config.unit.state_dir != STATE:
        raise UsageError(
            f"{config.unit.state_dir}: only a unit that keeps its state in {STATE} is retired by this"
        )
    _look_for_keys(places.state / "keys")
    now = SystemClock().now()
    if not arguments.while_running:
        _refuse_running(config, places, now)
    left = reads_left(config, places, now)
    if not arguments.discard_reads:
        _refuse_unsent(left, places.at(config.outbox.path))
    _confirm(arguments.yes, config, left)
    try:
        return begin(config, places, now, left)
    except OSError as error:
        raise AnprError(f"{error.filename}: {reason(error)}", hint="run it as root") from None


def _look_for_keys(folder: Path) -> None:
    """Only root may look, and that is said before anything else."""
    try:
        found = any(folder.iterdir())
    except FileNotFoundError:
        found = False
    if not found:
        raise AnprError(
            f"{folder}: no keys, and so nobody to sign a proof",
            hint="this unit has no identity: anpr-edge provision or init gives it one",
        )


def _refuse_running(config: Config, places: Places, now: Instant) -> None:
    from anpr_edge.statefile import is_fresh, read_state

    folder = places.at(config.unit.run_dir)
    for name in ("reader", "uplink"):
        state = read_state(folder / f"{name}.json")
        if state is not None and is_fresh(state, now.mono_ns / 1e9):
            raise AnprError(
                f"the {name} is running", hint="sudo systemctl stop anpr-edge.target, then retire again"
            )


def _refuse_unsent(left: dict[str, Left] | None, outbox: Path) -> None:
    if left is None:
        raise AnprError(
            f"{outbox}: nobody can tell whether reads are left in it",
            hint="anpr-edge outbox verify says why; --discard-reads gives them up",
        )
    if waiting := list(_waiting(left)):
        raise AnprError(
            f"{outbox}: reads that the centre has not confirmed: {'; '.join(waiting)}",
            hint="let them be delivered, or anpr-edge outbox export them, or give them up: --discard-reads",
        )


def _waiting(left: dict[str, Left]) -> Iterator[str]:
    for feed, one in sorted(left.items()):
        if one.unsent or one.unconfirmed:
            yield f"feed {feed} {one.unsent} never sent, {one.unconfirmed} sent"


def _confirm(given: str | None, config: Config, left: dict[str, Left] | None) -> None:
    """Only this unit's own name, typed, is a yes. Raises: UsageError."""
    name = config.unit.id
    if given is None:
        if not sys.stdin.isatty():
            raise UsageError(f"nobody is there to type {name}", hint=f"give --yes {name}")
        lost = sum(one.unsent + one.unconfirmed for one in (left or {}).values())
        note(
            f"This destroys the keys and all data of {config.unit.fleet}/{name}, and {counted(lost, 'read')}."
        )
        note("It cannot be undone. Type the unit's name to go on:")
        given = sys.stdin.readline().strip()
    if given != name:
        raise UsageError(f"{given!r} is not this unit: it is {name}; nothing was destroyed")


def _hand_over(page: str, target: Path) -> None:
    from anpr_edge.durable import write_whole

    try:
        write_whole(target, page.encode())
    except OSError as error:
        raise AnprError(
            f"{target}: {reason(error)}; the keys are destroyed, and the page is kept",
            hint="run anpr-edge retire again, with --out FILE where it can be written",
        ) from None
