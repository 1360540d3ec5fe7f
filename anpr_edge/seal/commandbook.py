"""Which commands there are, what arguments they take, which of a unit's services acts on them: as data."""

from __future__ import annotations

import re
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
LONGEST_FETCH_H: Final = 14 * 24
LARGEST_BUNDLE_BYTES: Final = 8 * 10**9
VERSION: Final = re.compile(r"\d{1,9}(\.\d{1,9}){0,3}(-\d{1,9})?")
SHA256: Final = re.compile(r"[0-9a-f]{64}")
URL_PATH: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")
"""A path below the configured server's root; what it may hold needs no quoting."""

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


def _like(pattern: re.Pattern[str], what: str) -> Check:
    def check(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Wrong(f"not {what}")
        return value

    return check


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
    "update": Entry(
        "fetch a bundle, install it into the other slot, and try it",
        (UPLINK,),
        {
            "version": _like(VERSION, "a version as 1.4.2 or 1.4.2-3"),
            "sha256": _like(SHA256, "64 hexadecimal digits"),
            "size": whole(1, LARGEST_BUNDLE_BYTES),
            "path": _like(URL_PATH, "a path on the server, without a slash at its start"),
            "within_h": whole(1, LONGEST_FETCH_H),
            "older": _one_of("no", "yes"),
        },
        {"within_h": 72, "older": "no"},
        later=True,
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
