"""Which commands there are, what arguments they take, which of a unit's services acts on them: as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anpr_edge.errors import CommandError, CommandRefusal
from anpr_edge.seal.commands import Argument, Command
from anpr_edge.seal.header import NAME
from anpr_edge.seal.wire_values import Wrong, whole

READER, UPLINK = "reader", "uplink"

LONGEST_PAUSE_MIN: Final = 7 * 1440
LONGEST_DRAIN_S: Final = 6 * 3600

Check = Callable[[object], Argument]


def _one_of(*words: str) -> Check:
    def check(value: object) -> str:
        if value not in words:
            raise Wrong(f"not one of {', '.join(words)}")
        return str(value)

    return check


def _feed(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Wrong("not a feed's name")
    return value


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: what it does, its arguments (`defaults` may be left out), and who acts on it.

    A `quiet` one changes nothing on the unit. After `accepted`, one that ends `later` is replied to again.
    """

    brief: str
    by: tuple[str, ...]
    arguments: Mapping[str, Check] = field(default_factory=dict)
    defaults: Mapping[str, Argument] = field(default_factory=dict)
    quiet: bool = False
    later: bool = False


BOOK: Final[Mapping[str, Entry]] = {
    "ping": Entry("say that you are there", (UPLINK,), quiet=True),
    "health": Entry("publish the health message now", (UPLINK,), quiet=True),
    "reload": Entry(
        "check the policy or the configuration, and work by it",
        (UPLINK, READER),
        {"what": _one_of("policy", "config")},
    ),
    "drain": Entry(
        "offer everything kept now, and say when the centre has confirmed it",
        (UPLINK,),
        {"within_s": whole(1, LONGEST_DRAIN_S)},
        {"within_s": 600},
        later=True,
    ),
    "pause": Entry(
        "keep no reads for a feed, for some minutes",
        (READER,),
        {"feed": _feed, "minutes": whole(1, LONGEST_PAUSE_MIN)},
    ),
    "resume": Entry("end a feed's pause", (READER,), {"feed": _feed}),
    "restart": Entry(
        "end a service, for systemd to start it again",
        (UPLINK, READER),
        {"service": _one_of(READER, UPLINK)},
    ),
    "report": Entry("write a support report on the unit", (UPLINK,), quiet=True),
}


def acting(command: Command) -> tuple[str, ...]:
    """The services that act on a command, and reply to it."""
    if command.name == "restart":
        return (str(command.arguments.get("service", UPLINK)),)
    if command.name == "reload" and command.arguments.get("what") == "policy":
        return (UPLINK,)
    return BOOK[command.name].by


def checked(command: Command) -> Mapping[str, Argument]:
    """The command's arguments, the defaults among them.

    Raises: CommandError (unknown-command, arguments).
    """
    entry = BOOK.get(command.name)
    if entry is None:
        raise CommandError(
            CommandRefusal.UNKNOWN_COMMAND,
            f"there is no command {command.name}",
            hint=f"there are {', '.join(BOOK)}",
        )
    given: dict[str, Any] = {**entry.defaults, **command.arguments}
    if given.keys() != entry.arguments.keys():
        wanted = ", ".join(entry.arguments) or "none"
        raise CommandError(
            CommandRefusal.ARGUMENTS, f"{command.name}: its arguments are {wanted}", hint="give exactly these"
        )
    for name, check in entry.arguments.items():
        try:
            check(given[name])
        except Wrong as wrong:
            raise CommandError(CommandRefusal.ARGUMENTS, f"{command.name}: {name}: {wrong}") from None
    return given
