"""The manual pages of the three programs, made from their own command lines.

`python -m anpr_edge.cli.manpages /usr/local/share/man/man1` writes one for each program and each command.
"""

from __future__ import annotations

import sys
from argparse import SUPPRESS, Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

from anpr_edge import __version__
from anpr_edge.cli import central, edge, fleet
from anpr_edge.cli.program import build_parser

PROGRAMS = (edge, central, fleet)


def pages() -> Iterator[tuple[str, str]]:
    """Each page's file name and its text, in the language of man(7)."""
    for program in PROGRAMS:
        parser = build_parser(program.NAME, program.PURPOSE, program.COMMANDS)
        yield f"{program.NAME}.1", _text(_program_page(program.NAME, program.PURPOSE, parser))
        for name, brief, command in _commands(parser):
            title = f"{program.NAME}-{name}"
            yield f"{title}.1", _text(_command_page(program.NAME, title, brief, command))


def write(folder: Path) -> int:
    """Write every page into `folder`; returns how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")
        count += 1
    return count


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def _program_page(name: str, purpose: str, parser: ArgumentParser) -> Iterator[str]:
    yield from _head(name, purpose)
    yield from _synopsis(parser)
    yield ".SH COMMANDS"
    for command, brief, _ in _commands(parser):
        yield from (".TP", f"\\fB{_escaped(name)}\\-{_escaped(command)}\\fR(1)", _escaped(brief))
    yield from _options(parser)


def _command_page(program: str, title: str, brief: str, parser: ArgumentParser) -> Iterator[str]:
    yield from _head(title, brief)
    yield from _synopsis(parser)
    yield ".SH DESCRIPTION"
    yield from _prose(parser.description or brief)
    yield from _options(parser)
    for name, inner_brief, inner in _commands(parser):
        yield f".SH COMMAND {_escaped(name).upper()}"
        yield from _usage(inner)
        yield ".PP"
        yield from _prose(inner.description or inner_brief)
        yield from _entries(inner)
    if parser.epilog:
        yield ".SH NOTES"
        yield from _prose(parser.epilog)
    yield from (".SH SEE ALSO", f"\\fB{_escaped(program)}\\fR(1)")


def _head(title: str, brief: str) -> Iterator[str]:
    yield f'.TH {_escaped(title).upper()} 1 "" "anpr\\-edge {_escaped(__version__)}"'
    yield from (".SH NAME", f"{_escaped(title)} \\- {_escaped(brief.rstrip('.'))}")


def _synopsis(parser: ArgumentParser) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    yield from _usage(parser)


def _usage(parser: ArgumentParser) -> Iterator[str]:
    words = parser.format_usage().removeprefix("usage: ").split()
    yield from (
        ".nh",
        f"\\fB{_escaped(parser.prog)}\\fR",
        *_wrapped(words[len(parser.prog.split()) :]),
        ".hy",
    )


def _wrapped(words: list[str]) -> Iterator[str]:
    if words:
        yield _escaped(" ".join(words))


def _options(parser: ArgumentParser) -> Iterator[str]:
    if entries := list(_entries(parser)):
        yield ".SH OPTIONS"
        yield from entries


def _entries(parser: ArgumentParser) -> Iterator[str]:
    """Every argument and option but the commands themselves."""
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.help is SUPPRESS or isinstance(action, _SubParsersAction):
            continue
        yield from (".TP", _name(action), _escaped(formatter._expand_help(action)))


def _name(action: Action) -> str:
    metavar = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    shown = metavar if isinstance(metavar, str) else " ".join(metavar)
    if action.choices and action.metavar is None:
        shown = "|".join(map(str, action.choices))
    value = f"\\fI{_escaped(shown)}\\fR" if shown else ""
    if not action.option_strings:
        return value
    options = ", ".join(f"\\fB{_escaped(option)}\\fR" for option in action.option_strings)
    return f"{options} {value}".rstrip()


def _commands(parser: ArgumentParser) -> Iterator[tuple[str, str, ArgumentParser]]:
    """A parser's commands: name, what it does in a few words, its own parser."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            briefs = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, inner in action.choices.items():
                yield name, briefs.get(name, ""), inner


def _prose(text: str) -> Iterator[str]:
    """Paragraphs as they stand; lines that are set in are examples, and are left as they are."""
    example = False
    for line in text.splitlines():
        indented = line.startswith("  ")
        if indented != example and line.strip():
            yield ".nf" if indented else ".fi"
            example = indented
        yield _escaped(line) if line.strip() else ".PP"
    if example:
        yield ".fi"


def _escaped(text: str) -> str:
    """As man(7) takes it: backslashes, hyphens, and a dot or quote at the beginning of a line."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m anpr_edge.cli.manpages DIR")
    print(f"{write(Path(sys.argv[1]))} manual pages in {sys.argv[1]}")
