"""`anpr-edge config`: check a unit's configuration, show what is in force, save areas, print an example.

`config check --json`: {"schema": 1, "file", "ok", "problems": [{"line" or null, "key", "text"}]}.
`config show --json`: {"schema": 1, "file", "values": {key: {"value", "line" or null for a default}}}.
`config areas`: {"schema": 1, "fleet", "unit", "view": {"regions", "exclusions", "lanes": {NAME: POLYGON}}}.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.output import finding, json_line, note
from anpr_edge.cli.program import DEFAULT_CONFIG
from anpr_edge.errors import AnprError, ConfigError, UsageError, reason

if TYPE_CHECKING:
    from anpr_edge.config import Config, Inspection

TEXT = """A unit is configured by one TOML file, /etc/anpr-edge/unit.toml unless told otherwise.

  anpr-edge config example > unit.toml
  anpr-edge config check unit.toml"""

CHECK_TEXT = """Print every problem in the file, one a line: where, which key, what is wrong, what is allowed;
and every private key found on this machine that opens one of its feeds: it must not be here. Exit code 0 when
there is none, 78 when the file cannot be used or such a key was found."""

SHOW_TEXT = """Print every value in force as TOML, with the line it comes from or `default`. User names and
passwords in addresses are left out. Exit code 78 when the file cannot be used."""

AREAS_TEXT = """Save the areas that were drawn on the aim page, corners and names alone, for the workshop: a
machine that one day replaces this one begins with them. With --out they go into a folder that is there,
as UNIT.areas.json, or into a file, whose name ends in .json; else they are printed.

  anpr-edge config areas --out /media/usb
  anpr-fleet unit areas /media/usb/unit-0001.areas.json      in the workshop, in the fleet folder"""

EXAMPLE_TEXT = """Print a configuration with every key and its comment, to start from. What a unit
cannot do without is switched off in it: config check names it until it is filled in."""

SCHEMA = 1
_USERINFO = re.compile(r"(?<=://)[^/@]*@")


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `config` with its commands check, show and example."""
    group = subparsers.add_parser(
        "config",
        help="check, show or start a unit's configuration; save its areas for the workshop",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, brief, text, run in (
        ("check", "find every problem in a configuration file", CHECK_TEXT, run_check),
        ("show", "show every value in force and where it comes from", SHOW_TEXT, run_show),
    ):
        command = commands.add_parser(name, help=brief, description=text)
        _add_file(command)
        command.add_argument("--json", action="store_true", help="print one JSON object")
        command.set_defaults(run=run)
    areas = commands.add_parser(
        "areas",
        help="save the unit's areas for the workshop",
        description=AREAS_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    _add_file(areas)
    areas.add_argument("--out", metavar="PLACE", help="a folder, or a file NAME.json, to write to")
    areas.set_defaults(run=run_areas)
    example = commands.add_parser(
        "example", help="print every key with its comment", description=EXAMPLE_TEXT
    )
    example.set_defaults(run=run_example)


def _add_file(command: ArgumentParser) -> None:
    """The file by itself or, as in every other command, after --config."""
    either = command.add_mutually_exclusive_group()
    words = f"the unit's configuration ({DEFAULT_CONFIG})"
    either.add_argument("file", type=Path, nargs="?", metavar="FILE", help=words)
    either.add_argument("--config", type=Path, metavar="FILE", help="the same, as in every other command")


def _file(arguments: Namespace) -> Path:
    given = arguments.config or arguments.file
    return given if isinstance(given, Path) else DEFAULT_CONFIG


def run_check(arguments: Namespace) -> int:
    """Print every problem, or that there is none."""
    from anpr_edge.config import inspect_config

    inspection = inspect_config(_file(arguments))
    strayed = _strayed(inspection.config, _file(arguments)) if inspection.config else []
    if arguments.json:
        json_line(_check_json(inspection, strayed))
    elif inspection.config and not strayed:
        finding("ok", inspection.file, _summary(inspection.config))
    else:
        for problem in (*inspection.problems, *strayed):
            print(problem)
    return 0 if inspection.config and not strayed else ConfigError.exit_code


def _strayed(config: Config, file: Path) -> list[str]:
    """A line for each private key that opens a feed and lies on this machine."""
    from anpr_edge.strayedkeys import strayed_keys

    strayed = strayed_keys(config, file)
    if strayed.closed:
        note(f"{strayed.closed[0]} could not be looked at for private keys: run it as root")
    return [
        f"{key}: a private key that opens feed {feed} must not lie on a unit" for key, feed in strayed.found
    ]


def _check_json(inspection: Inspection, strayed: list[str]) -> dict[str, Any]:
    problems = [{"line": one.line, "key": one.key, "text": one.text} for one in inspection.problems]
    problems += [{"line": None, "key": "", "text": text} for text in strayed]
    return {"schema": SCHEMA, "file": inspection.file, "ok": not problems, "problems": problems}


def _summary(config: Config) -> str:
    feeds = f"policy {config.policy.file}" if config.policy else f"feeds {', '.join(config.feeds)}"
    return f"unit {config.unit.fleet}/{config.unit.id}, camera {config.camera.source}, {feeds}"


def run_show(arguments: Namespace) -> int:
    """Print every value in force with the line it comes from, or "default"."""
    from anpr_edge.config import inspect_config
    from anpr_edge.config.schema import flatten, toml_value

    file = _file(arguments)
    inspection = inspect_config(file)
    values = dict(flatten(inspection.usable().model_dump()))
    lines = {path: inspection.lines.line(path) for path in values}
    if arguments.json:
        shown = {".".join(path): {"value": _plain(v), "line": lines[path]} for path, v in values.items()}
        json_line({"schema": SCHEMA, "file": inspection.file, "values": shown})
        return 0
    for path, value in values.items():
        source = f"{file.name}:{lines[path]}" if lines[path] else "default"
        text = f"#{'.'.join(path)} =" if value is None else f"{'.'.join(path)} = {toml_value(_plain(value))}"
        print(f"{text:<60}  # {source}")
    return 0


def _plain(value: object) -> Any:
    """A value as JSON can hold it, without the user name and password of an address."""
    if isinstance(value, Path | str):
        return _USERINFO.sub("", str(value))
    return list(value) if isinstance(value, tuple) else value


def run_areas(arguments: Namespace) -> int:
    """Print or write the areas in force."""
    from anpr_edge.config import load_config
    from anpr_edge.config.areas import SUFFIX, UnitAreas, plan_in
    from anpr_edge.durable import replace_whole

    config = load_config(_file(arguments))
    areas = UnitAreas(config.unit.fleet, config.unit.id, plan_in(config.view))
    if arguments.out is None:
        print(areas.dump().decode(), end="")
        return 0
    out = _out(arguments.out, f"{areas.unit}{SUFFIX}")
    try:
        replace_whole(out, areas.dump())
    except OSError as error:
        raise AnprError(f"{out}: {reason(error)}", hint="is it there, and writable?") from None
    print(out)
    note(f"{areas.unit}: {areas.plan.words()}")
    note(f"next: import them in the workshop, in the fleet folder: anpr-fleet unit areas {out.name}")
    return 0


def _out(place: str, name: str) -> Path:
    """The file to write: `name` in the folder `place`, or `place` itself when that is a file's name.

    Raises: UsageError for a folder that is not there, such as a stick's that is not mounted.
    """
    out = Path(place)
    if out.is_dir():
        return out / name
    if place.endswith("/") or out.suffix.lower() != ".json":
        raise UsageError(
            f"{place}: no such folder",
            hint="make it, or mount the stick that it is on; the name of a file has to end in .json",
        )
    return out


def run_example(_: Namespace) -> int:
    """Print the example configuration."""
    from anpr_edge.config import example_text

    print(example_text(), end="")
    return 0
