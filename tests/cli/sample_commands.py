"""Commands that end in every way a command can end."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction

from anpr_edge.errors import AnprError, ConfigError

PLATE = "AB12CDE"


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    for name, run in COMMANDS.items():
        subparsers.add_parser(name).set_defaults(run=run)


def well(_: Namespace) -> int:
    print("data")
    return 0


def check_failed(_: Namespace) -> int:
    return 1


def refused(_: Namespace) -> int:
    raise AnprError("the lamp at pwm0 is dark", hint="look at the fuse")


def misconfigured(_: Namespace) -> int:
    raise ConfigError("unit.toml:3: no")


def interrupted(_: Namespace) -> int:
    raise KeyboardInterrupt


def broken(_: Namespace) -> int:
    raise KeyError(PLATE)


COMMANDS = {
    "well": well,
    "check-failed": check_failed,
    "refused": refused,
    "misconfigured": misconfigured,
    "interrupted": interrupted,
    "broken": broken,
}
