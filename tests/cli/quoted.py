"""The commands that a page quotes, read as a shell would read them, and held to the programs' own parsers."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from anpr_edge.cli.manpages import PROGRAMS
from anpr_edge.cli.program import build_parser

ROOT = Path(__file__).parents[2]
NAMES = {program.NAME for program in PROGRAMS}
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_VARIABLE = re.compile(r"[A-Z_]+=")
_FOLDER = re.compile(r"^(/opt/anpr-edge/venv|\.venv)/bin/")


@dataclass(frozen=True)
class Quoted:
    """One command of a page: its words, and whether it stands to be typed as it is."""

    page: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def quoted(page: str) -> Iterator[Quoted]:
    """Every command of ours, and every script, that a page quotes: in blocks whole, in the text by name."""
    text = (ROOT / page).read_text()
    blocks = [block for language, block in _FENCE.findall(text) if language in {"", "sh"}]
    for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
        yield from (Quoted(page, words, True) for words in commands(line))
    for span in _SPAN.findall(_FENCE.sub("", text)):
        yield from (Quoted(page, words, False) for words in commands(span))


def commands(line: str) -> Iterator[tuple[str, ...]]:
    """The commands of ours in one line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*_words(lexer), ";"]:
        if set(word) <= set(";&|()<>"):
            yield from _ours(command)
            command = []
        else:
            command.append(word)


def _words(lexer: shlex.shlex) -> list[str]:
    try:
        return list(lexer)
    except ValueError:  # an apostrophe in words that are no command
        return []


def _ours(words: list[str]) -> Iterator[tuple[str, ...]]:
    while words and (words[0] in {"$", "sudo"} or _VARIABLE.match(words[0])):
        words = words[3:] if words[:2] == ["sudo", "-u"] else words[1:]
    if words:
        name = _FOLDER.sub("", words[0])
        if name in NAMES or name.startswith("scripts/"):
            yield (name, *words[1:])


@cache
def parser(name: str) -> ArgumentParser:
    """A program's whole command line."""
    (program,) = [program for program in PROGRAMS if name == program.NAME]
    return build_parser(program.NAME, program.PURPOSE, program.COMMANDS)


def deepest(words: tuple[str, ...]) -> tuple[ArgumentParser, tuple[str, ...]]:
    """The parser of the command that the words name, and the words after its name."""
    found, rest = parser(words[0]), words[1:]
    while rest:
        choices = [a.choices for a in found._actions if isinstance(a, _SubParsersAction)]
        if not choices or rest[0] not in choices[0]:
            break
        found, rest = choices[0][rest[0]], rest[1:]
    return found, rest


def wants_command(found: ArgumentParser) -> bool:
    """Whether this parser is only the way to others."""
    return any(isinstance(action, _SubParsersAction) for action in found._actions)


def options(found: ArgumentParser) -> set[str]:
    """The options that a command knows."""
    return {option for action in found._actions for option in action.option_strings}
