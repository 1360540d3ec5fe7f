"""Reads a configuration file and finds everything wrong with it at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from anpr_edge.config.lines import LineMap
from anpr_edge.config.model import Config, Unit
from anpr_edge.config.places import BESIDE_STATE, find_models_directory
from anpr_edge.config.problems import Problem, from_validator, located, merged, syntax_problem
from anpr_edge.config.rules import RULES
from anpr_edge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a configuration file holds: the configuration, or the problems that keep it from being one."""

    file: str
    lines: LineMap
    config: Config | None
    problems: tuple[Problem, ...]

    def usable(self) -> Config:
        """The configuration.

        Raises: ConfigError with every problem, when there is one.
        """
        if self.config is None:
            text = "\n".join(str(problem) for problem in self.problems)
            raise ConfigError(text, hint="`anpr-edge config example` prints every key with its comment")
        return self.config


def load_config(path: Path) -> Config:
    """The configuration in a file, checked whole.

    Raises: ConfigError with one line for every problem: file, line, key, value and what is allowed.
    """
    return inspect_config(path).usable()


def inspect_config(path: Path) -> Inspection:
    """Everything there is to say about a configuration file.

    Raises: ConfigError when the file itself cannot be read.
    """
    return inspect_text(path, read_text(path))


def inspect_text(path: Path, text: str) -> Inspection:
    """Everything there is to say about a text that is, or is to be, the configuration file at `path`."""
    lines = LineMap(text)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Inspection(str(path), lines, None, (syntax_problem(str(path), str(error), lines),))
    return _validate(path, lines, data)


def read_text(path: Path) -> str:
    """A configuration file's text. Raises: ConfigError when it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        hint = f"`anpr-edge config example > {path}` writes one to start from"
        raise ConfigError(f"{path}: no such configuration file", hint=hint) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", hint="save the file as UTF-8") from None
    except OSError as error:
        hint = "the file must be readable by the user who runs this"
        raise ConfigError(f"{path}: {error.strerror}", hint=hint) from None


def _validate(path: Path, lines: LineMap, data: Mapping[str, Any]) -> Inspection:
    base = path.absolute().parent
    found = [finding for rule in RULES for finding in rule(data)]
    config = None
    try:
        config = Config.model_validate(_with_derived_defaults(data, base), context=base)
    except ValidationError as error:
        found += from_validator(error.errors(include_url=False, include_context=False))
    problems = located(str(path), lines, found)
    return Inspection(str(path), lines, None if problems else config, problems)


def _with_derived_defaults(data: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """Defaults that depend on other keys or on the installation."""
    filled = merged(data, ("models", "directory"), str(find_models_directory()))
    unit = data.get("unit")
    state_dir = unit.get("state_dir") if isinstance(unit, Mapping) else None
    root = base / state_dir if isinstance(state_dir, str) else Unit.model_fields["state_dir"].default
    for path, name in BESIDE_STATE.items():
        filled = merged(filled, path, str(root / name))
    return filled
