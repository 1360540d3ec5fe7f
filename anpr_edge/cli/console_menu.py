"""The technician's menu on the unit's own screen: what each key does, and the loop around it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anpr_edge.cli.output import show_error
from anpr_edge.errors import AnprError, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

Ask = Callable[[str], str]
Run = Callable[[Sequence[str]], int]
Room = Callable[[], AbstractContextManager[object]]
Stick = Callable[[], AbstractContextManager[Path]]

RECORD: Final = "anpr-drive-by.html"
REPORT: Final = "anpr-report.zip"
PROOF: Final = "anpr-retired.txt"
VERIFY_KEY: Final = "anpr-verify-key.txt"
FOLDER: Final = "anpr"
"""Where bundles lie, as on a card."""
SERVICES: Final = "anpr-edge.target"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the menu works with: the program, who answers, and who makes room.

    `reader_away` keeps the reader stopped while its block runs; `interfaces` are where a page may be served;
    `trace` enters in the audit log what is about to be done; `verify_key` is what the centre has to be given.
    """

    program: Sequence[str]
    config: Path
    ask: Ask
    run: Run
    page: Run
    reader_away: Room
    stick: Stick
    interfaces: Callable[[], Sequence[str]]
    trace: Callable[[str], None]
    verify_key: Callable[[], str]

    def command(self, *words: str) -> int:
        """Run one command of the unit's program in the foreground, on the unit's configuration."""
        return self.bare(*words, "--config", str(self.config))

    def show(self, *words: str) -> int:
        """Run one that only prints, a screenful at a time."""
        return self.page([*self.program, *words, "--config", str(self.config)])

    def bare(self, *words: str) -> int:
        """Run one that knows its configuration by itself."""
        return self.run([*self.program, *words])


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    words: str
    do: Callable[[Desk], object]


def _aim(desk: Desk) -> None:
    interfaces = desk.interfaces()
    if not interfaces:
        raise AnprError("no network interface has an address", hint="plug the phone's or laptop's cable in")
    chosen = interfaces[0]
    if len(interfaces) > 1:
        chosen = desk.ask(f"On which interface, {', '.join(interfaces)}? ").strip() or chosen
    if chosen not in interfaces:
        raise AnprError(f"{chosen}: there are {', '.join(interfaces)}")
    desk.command("aim", "--listen", chosen)


def _drive_by(desk: Desk) -> None:
    with desk.stick() as folder, desk.reader_away():
        desk.command("config", "areas", "--out", str(folder))
        desk.trace("test-read")
        desk.command("test-read", "--count", "5", "--seconds", "600", "--record", str(folder / RECORD))


def _report(desk: Desk) -> None:
    with desk.stick() as folder:
        desk.trace("report")
        desk.command("report", "--out", str(folder / REPORT))


def _export(desk: Desk) -> None:
    with desk.stick() as folder:
        desk.trace("outbox export")
        desk.command("outbox", "export", str(folder))


def _provision(desk: Desk) -> None:
    with desk.stick() as folder:
        own = folder / FOLDER
        if desk.bare("provision", "--from", str(own if own.is_dir() else folder)) != 0:
            return
        desk.run(["systemd-tmpfiles", "--create", "anpr-edge.conf"])  # each key to its one service
        desk.run(["systemctl", "restart", SERVICES])
        (folder / VERIFY_KEY).write_text(f"{desk.verify_key()}\n")


def _retire(desk: Desk) -> None:
    with desk.stick() as folder:
        desk.run(["systemctl", "stop", SERVICES])
        if desk.bare("retire", "--out", str(folder / PROOF)) != 0:
            desk.run(["systemctl", "start", SERVICES])


ENTRIES: Final[Mapping[str, Entry]] = {
    "1": Entry("how it is", lambda desk: desk.show("status")),
    "2": Entry("check everything, and what to do about it", lambda desk: desk.show("doctor")),
    "3": Entry("the way to the broker and the centre", lambda desk: desk.show("netcheck")),
    "4": Entry("aim, focus and accept: a page for a phone", _aim),
    "5": Entry(f"drive-by test, its record ({RECORD}) and the areas onto a USB stick", _drive_by),
    "6": Entry(f"support report ({REPORT}) onto a USB stick", _report),
    "7": Entry("sealed reads onto a USB stick", _export),
    "8": Entry(
        "the system's last warnings",
        lambda desk: desk.page(["journalctl", "-b", "-p", "warning", "-n", "40", "--no-pager"]),
    ),
    "9": Entry("the workshop's bundle or certificate from a USB stick", _provision),
    "x": Entry(f"retire this unit for good, the proof ({PROOF}) onto a USB stick", _retire),
    "r": Entry("restart", lambda desk: desk.run(["systemctl", "reboot"])),
    "o": Entry("power off", lambda desk: desk.run(["systemctl", "poweroff"])),
}


def serve(desk: Desk, heading: Callable[[], str]) -> None:
    """Show the menu and do what is chosen, until `q` or the end of the input; Ctrl-C shows it anew."""
    goes_on = True
    while goes_on:
        with suppress(KeyboardInterrupt):
            goes_on = _turn(desk, heading)


def _turn(desk: Desk, heading: Callable[[], str]) -> bool:
    """Show the menu once and do what is chosen; False when that was to leave."""
    print(f"\n{heading()}\n")
    for key, entry in ENTRIES.items():
        print(f"  {key}  {entry.words}")
    try:
        chosen = desk.ask("\n> ").strip().lower()
    except EOFError:
        return False
    if chosen in ENTRIES:
        _do(desk, ENTRIES[chosen])
    elif chosen not in ("", "q"):
        print(f"{chosen}: one of {' '.join(ENTRIES)}")
    return chosen != "q"


def _do(desk: Desk, entry: Entry) -> None:
    print()
    try:
        entry.do(desk)
    except AnprError as error:
        show_error(error)
    except OSError as error:
        show_error(AnprError(f"{error.filename or 'the stick'}: {reason(error)}"))
    except (KeyboardInterrupt, EOFError):
        print()


def run_child(command: Sequence[str]) -> int:
    """Run a command in the foreground; Ctrl-C is its matter alone. Its exit code.

    Raises: AnprError when there is no such program.
    """
    with _ctrl_c_passed_on():
        try:
            return subprocess.run(command, check=False).returncode
        except OSError as error:
            raise AnprError(f"{command[0]}: {error.strerror}") from error


def run_paged(command: Sequence[str]) -> int:
    """Run a command that only prints, and stop at each screenful: a console has nothing to scroll back.

    Not by a pager of the system's: those start a shell for whoever asks. Its exit code.

    Raises: AnprError when there is no such program.
    """
    if not sys.stdin.isatty():
        return run_child(command)
    screenful = max(shutil.get_terminal_size().lines - 2, 5)
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise AnprError(f"{command[0]}: {error.strerror}") from error
    with child:
        assert child.stdout is not None
        try:
            for number, line in enumerate(child.stdout, 1):
                print(line, end="")
                if number % screenful == 0:
                    input("-- Enter for more, Ctrl-C to end --")
        except (KeyboardInterrupt, EOFError):
            child.terminate()
            print()
    return child.returncode


@contextmanager
def _ctrl_c_passed_on() -> Iterator[None]:
    """A handler of ours, not SIG_IGN: a child would inherit that one."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
