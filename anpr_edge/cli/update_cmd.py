"""`anpr-edge update`: install a signed system into the other slot, try it, commit it or go back.

`update status --json`: {"schema": 1, "version", "slots": {"running", "committed", "trial", "on_trial", "bad"}
or null with "trouble", "last": a record or null} (docs/update.md).

Exit code: 0 done, 1 refused or failed; of `status` 1 when there are no slots here.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.numbers import between
from anpr_edge.cli.output import finding, json_line, note, progress
from anpr_edge.cli.program import add_config_option
from anpr_edge.cli.update_backend import add_layout_option
from anpr_edge.errors import UpdateError, UsageError

if TYPE_CHECKING:
    from anpr_edge.update.record import Record
    from anpr_edge.update.slots import Slots

SCHEMA = 1

INSTALL_TEXT = """Check a bundle, write it into the slot that does not run, read it back, and restart into it
once. There its health gate commits it, or the next start brings back what runs now. Nothing is written
before every check has passed: signature, kind of unit, version, the way back, room.

  sudo anpr-edge update install /media/usb/anpr-edge-1.4.0.raucb"""

STATUS_TEXT = """Which slot runs, which one the firmware boots by itself, what is on trial, and what became
of the last update.

  anpr-edge update status"""

COMMIT_TEXT = """Have the firmware boot the system that runs from now on, when it passes the health gate's
looks now. The gate does so by itself within minutes of a trial's start.

  sudo anpr-edge update commit"""

ROLLBACK_TEXT = """Go back. A system on trial is given up, and the unit restarts into the committed one. When
none is on trial, the system that was in force before is started once, and its own gate commits it.

  sudo anpr-edge update rollback --why 'reads fewer plates'"""

TRY_TEXT = """Restart, once, into the slot that `install --no-reboot` has left on trial.

  sudo anpr-edge update try"""

GATE_TEXT = """Watch a system on trial until it may stay, then commit it; or note why not, and restart into
the old one. systemd runs it after each start (anpr-edge-health-gate.service); without a trial it ends.

  sudo anpr-edge update gate"""

TAKE_TEXT = """Install what a signed command has ordered and the uplink has fetched. systemd runs it
(anpr-edge-update.path); the command is verified anew.

  sudo anpr-edge update take"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `update` with its commands."""
    group = subparsers.add_parser("update", help="install, try, commit or roll back a whole system (A/B)")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    made = {
        name: commands.add_parser(
            name, help=brief, description=text, formatter_class=RawDescriptionHelpFormatter
        )
        for name, brief, text in (
            ("install", "install a bundle and try it", INSTALL_TEXT),
            ("try", "restart into what is on trial", TRY_TEXT),
            ("status", "show slots and the last update", STATUS_TEXT),
            ("commit", "keep the system that runs", COMMIT_TEXT),
            ("rollback", "go back to the system before", ROLLBACK_TEXT),
            ("gate", "commit a system on trial, or go back (systemd runs it)", GATE_TEXT),
            ("take", "install what a command ordered (systemd runs it)", TAKE_TEXT),
        )
    }
    runs = {"install": run_install, "try": run_try, "status": run_status, "commit": run_commit}
    runs["rollback"] = run_rollback
    for name, command in made.items():
        command.set_defaults(run=runs.get(name) or _of_service(name))
        add_config_option(command)
        add_layout_option(command)
    _add_options(made)


def _add_options(made: dict[str, ArgumentParser]) -> None:
    install = made["install"]
    install.add_argument("bundle", type=Path, metavar="BUNDLE", help="a .raucb file")
    install.add_argument(
        "--allow-older", action="store_true", help="also when it is not newer than what runs"
    )
    install.add_argument(
        "--no-reboot", action="store_true", help="leave the restart to `anpr-edge update try`"
    )
    made["status"].add_argument("--json", action="store_true", help="print one JSON object")
    made["commit"].add_argument(
        "--without-gate", action="store_true", help="whether it works or not; mends a lost autoboot.txt too"
    )
    made["gate"].add_argument(
        "--hold",
        type=between(1, 600),
        default=60.0,
        metavar="SECONDS",
        help="how long all must have been well (%(default)s)",
    )
    made["rollback"].add_argument("--why", default="", help="goes into the audit log")


def _of_service(name: str) -> Any:
    """The services' commands, in a module of their own: they load far more."""

    def run(arguments: Namespace) -> int:
        from anpr_edge.cli import update_service

        return int(getattr(update_service, f"run_{name}")(arguments))

    return run


def run_install(arguments: Namespace) -> int:
    """Install, and restart into it."""
    from anpr_edge.cli.update_steps import updater_of
    from anpr_edge.update.updater import Wanted

    updater = updater_of(arguments)
    record = updater.install(arguments.bundle, Wanted(allow_older=arguments.allow_older), progress)
    finding("ok", f"slot {record.slot}", f"holds version {record.version}, as it is in the bundle")
    if arguments.no_reboot:
        note("next: anpr-edge update try, or anpr-edge update rollback to leave it")
        return 0
    updater.reboot_to_try()
    note(f"the unit restarts into slot {record.slot}, once; its gate then commits it or comes back")
    return 0


def run_try(arguments: Namespace) -> int:
    """Restart into what is on trial."""
    from anpr_edge.cli.update_steps import updater_of

    updater_of(arguments).reboot_to_try()
    note("the unit restarts into the slot on trial, once")
    return 0


def run_status(arguments: Namespace) -> int:
    """Show where the unit stands."""
    from anpr_edge.update.bootstore import BootStore
    from anpr_edge.update.layout import load_layout
    from anpr_edge.update.record import read_outcome
    from anpr_edge.update.versions import running_version

    layout = load_layout(arguments.layout)
    version, slots, trouble = running_version(layout.release_file), None, ""
    try:
        slots = BootStore(layout).load()
    except UpdateError as error:
        trouble = str(error)
    record = read_outcome(layout.state_dir)
    if arguments.json:
        json_line(_document(version, slots, trouble, record))
    else:
        for line in _lines(version, slots, trouble, record):
            print(line)
    return 1 if trouble else 0


def _document(version: str, slots: Slots | None, trouble: str, record: Record | None) -> dict[str, Any]:
    from dataclasses import asdict

    found = None if slots is None else {**asdict(slots), "bad": sorted(slots.bad), "on_trial": slots.on_trial}
    last = None if record is None else asdict(record)
    return {"schema": SCHEMA, "version": version, "slots": found, "trouble": trouble, "last": last}


def _lines(version: str, slots: Slots | None, trouble: str, record: Record | None) -> Iterator[str]:
    yield f"version    {version}"
    if slots is None:
        yield f"slots      {trouble}"
    else:
        yield f"running    {slots.running or 'unknown: no Raspberry Pi firmware answers here'}"
        trial = "; the system that runs is ON TRIAL" if slots.on_trial else ""
        yield f"committed  {slots.committed}{trial}"
        if slots.trial and not slots.on_trial:
            yield f"to try     {slots.trial}"
        if slots.bad:
            yield f"bad        {', '.join(sorted(slots.bad))}"
    yield f"last       {in_words(record)}"


def in_words(record: Record | None) -> str:
    """An update and what became of it, in one line."""
    if record is None:
        return "no update yet"
    why = f": {record.why}" if record.why else ""
    where = f" in slot {record.slot}" if record.slot else ""
    what = f"{record.version} (from {record.from_version}) {record.phase}{where}"
    return f"{what}, {record.utc}{why}"


def run_commit(arguments: Namespace) -> int:
    """Commit what runs."""
    from anpr_edge.cli.update_steps import updater_of

    updater = updater_of(arguments)
    if not arguments.without_gate:
        from anpr_edge.cli.update_service import looks_now

        if found := looks_now(arguments, updater):
            raise UpdateError(
                f"it does not pass its gate now: {'; '.join(found)}",
                hint="mend that, or --without-gate, or anpr-edge update rollback",
            )
    slots = updater.commit("by hand")
    finding("ok", f"slot {slots.committed}", "is what the firmware boots from now on")
    return 0


def run_rollback(arguments: Namespace) -> int:
    """Give the trial up, or try the system before."""
    from anpr_edge.cli.update_steps import updater_of

    updater = updater_of(arguments)
    if len(arguments.why) > 200:
        raise UsageError("--why: at most 200 characters")
    slots = updater.store.load()
    if slots.on_trial or slots.trial is not None:
        updater.give_up(arguments.why or "rolled back by hand")
    if slots.on_trial:
        updater.reboot()
        note(f"slot {slots.running} is given up; the unit restarts into slot {slots.committed}")
    elif slots.trial is not None:
        updater.store.change(lambda now: now.set_primary(slots.committed))
        note(f"slot {slots.trial} is not tried; slot {slots.committed} stays")
    else:
        record = updater.try_other()
        updater.reboot_to_try()
        note(f"the unit restarts into slot {record.slot}, once: its gate commits it or comes back here")
    return 0
