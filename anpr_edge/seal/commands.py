"""Commands of the fleet's authority to its units: signed, numbered, expiring. See docs/commands.md.

Whether a command is for this unit, new and in time is for the caller to judge; here it is only signed,
taken apart and held to the one encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anpr_edge.errors import CommandError, CommandRefusal, EnvelopeError, Refusal, SealError
from anpr_edge.seal import cbor, sign1
from anpr_edge.seal.header import NAME
from anpr_edge.seal.keys import Signer, VerifyKey
from anpr_edge.seal.wire_values import Wrong, exactly, listed, text, whole

LONGEST_BYTES: Final = 8192
MOST_NAMES: Final = 100
"""Units or groups one command may name."""

MOST_ARGUMENTS: Final = 8
LONGEST_LIFE_S: Final = 7 * 86_400
"""A command expires within a week of its issue, so that what was withheld cannot surprise much later."""

COMMAND_TYPE: Final = "application/anpr-command+cose"
"""Keeps a command from passing for anything else its key may sign. Source: RFC 9596."""

FORMAT_VERSION: Final = 1
REQUEST_BYTES: Final = 16
HIGHEST_NUMBER: Final = 2**53 - 1
LATEST_S: Final = 253_402_300_799
WHAT: Final = "the command"

FORMAT, FLEET, UNITS, GROUPS, NUMBER, REQUEST, ISSUED, EXPIRES, COMMAND, ARGUMENTS = range(1, 11)

Argument = str | int


@dataclass(frozen=True, slots=True)
class Command:
    """One order: to some units, to the units of some groups, or to the whole fleet when neither is named.

    `number` is higher than that of any command before it; `request` is what replies to it name.
    """

    fleet: str
    units: tuple[str, ...]
    groups: tuple[str, ...]
    number: int
    request: bytes
    issued_utc_s: int
    expires_utc_s: int
    name: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)

    def is_for(self, fleet: str, unit: str, groups: tuple[str, ...]) -> bool:
        """Whether it is meant for this unit, which counts itself to `groups`."""
        everyone = not self.units and not self.groups
        named = unit in self.units or not set(groups).isdisjoint(self.groups)
        return fleet == self.fleet and (everyone or named)


def sign_command(command: Command, key: Signer) -> bytes:
    """The command as it travels. Raises: SealError when a value is out of its limits."""
    values: dict[int, Any] = {
        FORMAT: FORMAT_VERSION,
        FLEET: command.fleet,
        UNITS: list(command.units),
        GROUPS: list(command.groups),
        NUMBER: command.number,
        REQUEST: command.request,
        ISSUED: command.issued_utc_s,
        EXPIRES: command.expires_utc_s,
        COMMAND: command.name,
        ARGUMENTS: dict(command.arguments),
    }
    try:
        _command_of(values)
    except Wrong as wrong:
        raise SealError(f"{WHAT} cannot be signed: {wrong}") from None
    blob = sign1.sign(_protected(key.public), cbor.encode(values), key)
    if len(blob) > LONGEST_BYTES:
        raise SealError(f"{WHAT} cannot be signed: {len(blob)} bytes, at most {LONGEST_BYTES}")
    return blob


def open_command(blob: bytes, key: VerifyKey) -> Command:
    """The command, when `key` signed it.

    Raises: CommandError (oversize, malformed, unknown-key, signature).
    """
    try:
        signed = sign1.parse(blob, LONGEST_BYTES, WHAT)
        if signed.protected != _protected(key):
            raise _not_ours(signed.protected, key)
        if not signed.signed_by(key):
            raise CommandError(CommandRefusal.SIGNATURE, f"{WHAT}: its signature does not hold")
        return _command_of(cbor.decode(signed.payload, WHAT))
    except EnvelopeError as error:
        oversize = error.kind is Refusal.OVERSIZE
        raise CommandError(
            CommandRefusal.OVERSIZE if oversize else CommandRefusal.MALFORMED, str(error)
        ) from None
    except Wrong as wrong:
        raise CommandError(CommandRefusal.MALFORMED, f"{WHAT}: {wrong}") from None


def _not_ours(protected: bytes, key: VerifyKey) -> CommandError:
    """A sound header of another key is one thing, a header that is no command's another."""
    header = cbor.decode(protected, WHAT)
    labels = header if isinstance(header, dict) else {}
    sound = labels.keys() == {sign1.ALG, sign1.KID, sign1.TYP}
    if sound and labels[sign1.TYP] == COMMAND_TYPE and labels[sign1.KID] != key.kid:
        return CommandError(CommandRefusal.UNKNOWN_KEY, f"{WHAT} is not signed by {key.text}")
    return CommandError(CommandRefusal.MALFORMED, f"{WHAT}: its header is no command's")


def _protected(key: VerifyKey) -> bytes:
    return cbor.encode({sign1.ALG: key.alg, sign1.KID: key.kid, sign1.TYP: COMMAND_TYPE})


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Wrong("not a name of 1 to 64 letters, digits, dots, dashes or underscores")
    return value


def _names(value: object) -> tuple[str, ...]:
    found = listed(MOST_NAMES, _name)(value)
    if list(found) != sorted(set(found)):
        raise Wrong("units or groups not in order, or one is there twice")
    return found


_number = whole(1, HIGHEST_NUMBER)
_request = exactly(REQUEST_BYTES)
_moment = whole(0, LATEST_S)
_argument_text = text(200)
_argument_number = whole(-HIGHEST_NUMBER, HIGHEST_NUMBER)


def _arguments(value: object) -> dict[str, Argument]:
    if not isinstance(value, dict) or len(value) > MOST_ARGUMENTS:
        raise Wrong(f"arguments are not a map of at most {MOST_ARGUMENTS}")
    check: Callable[[object], Argument]
    found: dict[str, Argument] = {}
    for key, argument in value.items():
        check = _argument_text if isinstance(argument, str) else _argument_number
        found[_name(key)] = check(argument)
    return found


def _command_of(values: object) -> Command:
    """Raises: Wrong."""
    if not isinstance(values, dict) or values.keys() != set(range(FORMAT, ARGUMENTS + 1)):
        raise Wrong("not a map with exactly the keys 1 to 10")
    if isinstance(values[FORMAT], bool) or values[FORMAT] != FORMAT_VERSION:
        raise Wrong("of another format")
    command = Command(
        fleet=_name(values[FLEET]),
        units=_names(values[UNITS]),
        groups=_names(values[GROUPS]),
        number=_number(values[NUMBER]),
        request=_request(values[REQUEST]),
        issued_utc_s=_moment(values[ISSUED]),
        expires_utc_s=_moment(values[EXPIRES]),
        name=_name(values[COMMAND]),
        arguments=_arguments(values[ARGUMENTS]),
    )
    if not 0 < command.expires_utc_s - command.issued_utc_s <= LONGEST_LIFE_S:
        raise Wrong(f"it does not expire within {LONGEST_LIFE_S} s of its issue")
    return command
