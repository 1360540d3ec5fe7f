"""`anpr-edge config`: check a unit's configuration, show what is in force, print an example.

`config check --json`: {"schema": 1, "file", "ok", "problems": [{"line" or null, "key", "text"}]}.
`config show --json`: {"schema": 1, "file", "values": {key: {"value", "line" or null for a default}}}.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.output import finding, json_line
from anpr_edge.cli.program import DEFAULT_CONFIG
from anpr_edge.errors import ConfigError

if TYPE_CHECKING:
    from anpr_edge.config import Config, Inspection

SCHEMA = 1
_USERINFO = re.compile(r"(?<=://)[^/@]*@")


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `config` with its commands check, show and example."""
    group = subparsers.add_parser("config", help="check, show or start a unit's configuration")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="find every problem in a configuration file")
    show = commands.add_parser("show", help="show every value in force and where it comes from")
    for command, run in ((check, run_check), (show, run_show)):
        command.add_argument("file", type=Path, nargs="?", default=DEFAULT_CONFIG, metavar="FILE")
        command.add_argument("--json", action="store_true", help="print one JSON object")
        command.set_defaults(run=run)
    example = commands.add_parser("example", help="print every key with its comment")
    example.set_defaults(run=run_example)


def run_check(arguments: Namespace) -> int:
    """Print every problem, or that there is none."""
    from anpr_edge.config import inspect_config

    inspection = inspect_config(arguments.file)
    if arguments.json:
        json_line(_check_json(inspection))
    elif inspection.config:
        finding("ok", inspection.file, _summary(inspection.config))
    else:
        for problem in inspection.problems:
            print(problem)
    return 0 if inspection.config else ConfigError.exit_code


def _check_json(inspection: Inspection) -> dict[str, Any]:
    problems = [{"line": one.line, "key": one.key, "text": one.text} for one in inspection.problems]
    return {"schema": SCHEMA, "file": inspection.file, "ok": not problems, "problems": problems}


def _summary(config: Config) -> str:
    feeds = f"policy {config.policy.file}" if config.policy else f"feeds {', '.join(config.feeds)}"
    return f"unit {config.unit.fleet}/{config.unit.id}, camera {config.camera.source}, {feeds}"


def run_show(arguments: Namespace) -> int:
    """Print every value in force with the line it comes from, or "default"."""
    from anpr_edge.config import inspect_config
    from anpr_edge.config.schema import flatten, toml_value

    inspection = inspect_config(arguments.file)
    values = dict(flatten(inspection.usable().model_dump()))
    lines = {path: inspection.lines.line(path) for path in values}
    if arguments.json:
        shown = {".".join(path): {"value": _plain(v), "line": lines[path]} for path, v in values.items()}
        json_line({"schema": SCHEMA, "file": inspection.file, "values": shown})
        return 0
    for path, value in values.items():
        source = f"{arguments.file.name}:{lines[path]}" if lines[path] else "default"
        text = f"#{'.'.join(path)} =" if value is None else f"{'.'.join(path)} = {toml_value(_plain(value))}"
        print(f"{text:<60}  # {source}")
    return 0


def _plain(value: object) -> Any:
    """A value as JSON can hold it, without the user name and password of an address."""
    if isinstance(value, Path | str):
        return _USERINFO.sub("", str(value))
    return list(value) if isinstance(value, tuple) else value


def run_example(_: Namespace) -> int:
    """Print the example configuration."""
    from anpr_edge.config import example_text

    print(example_text(), end="")
    return 0
