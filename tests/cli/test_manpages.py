"""Manual pages say what the command lines say, and man can show them."""

from __future__ import annotations

import shutil
import subprocess
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest

from anpr_edge.cli.manpages import PROGRAMS, pages, write
from anpr_edge.cli.program import build_parser

PAGES = dict(pages())
GROFF = shutil.which("groff")


def parsers(parser: ArgumentParser, name: str) -> Iterator[tuple[str, ArgumentParser]]:
    """Every command's parser with the page it belongs on: a command's own commands are on its page."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for command, inner in action.choices.items():
                own = f"{name}-{command}" if name in {program.NAME for program in PROGRAMS} else name
                yield from parsers(inner, own)


EVERY = [
    found
    for program in PROGRAMS
    for found in parsers(build_parser(program.NAME, program.PURPOSE, program.COMMANDS), program.NAME)
]


def shown(text: str) -> str:
    """A page's words without man's marks."""
    return text.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")


@pytest.mark.parametrize(("page", "parser"), EVERY, ids=[parser.prog for _, parser in EVERY])
def test_every_option_of_every_command_is_on_its_page(page: str, parser: ArgumentParser) -> None:
    text = shown(PAGES[f"{page}.1"])
    for action in parser._actions:
        for option in action.option_strings:
            assert f"\n{', '.join(action.option_strings)}" in text, option


def test_every_page_is_in_the_list_of_its_program() -> None:
    for program in PROGRAMS:
        text = shown(PAGES[f"{program.NAME}.1"])
        own = [name for name in PAGES if name.startswith(f"{program.NAME}-")]
        assert own
        assert all(f"{name.removesuffix('.1')}(1)" in text for name in own)


@pytest.mark.skipif(GROFF is None, reason="groff is not installed")
@pytest.mark.parametrize("page", PAGES)
def test_man_can_show_it_without_a_warning(page: str) -> None:
    command = [GROFF or "", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"]
    done = subprocess.run(command, input=PAGES[page], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_they_are_written_where_man_looks(tmp_path: Path) -> None:
    assert write(tmp_path / "man1") == len(PAGES)
    assert (tmp_path / "man1" / "anpr-edge-doctor.1").read_text(encoding="utf-8").startswith(".TH ANPR")
