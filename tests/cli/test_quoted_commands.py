"""What the pages tell people to type is there: every command, every option, every script."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from tests.cli.quoted import (
    ROOT,
    Quoted,
    commands,
    deepest,
    options,
    parser,
    quoted,
    wants_command,
)

PARSERS = {
    "scripts/flash": "scripts.imaging.flash",
    "scripts/build-image": "scripts.imaging.build_image",
}
"""Where the scripts whose options a page quotes have their command line."""
PAGES = [
    page
    for page in ("README.md", "docs/installation.md", "docs/field-guide.md", "docs/aim.md", "hw/README.md")
    if (ROOT / page).is_file()
]
EVERY = [found for page in PAGES for found in quoted(page)]
TO_TYPE = [found for found in EVERY if found.whole and not found.words[0].startswith("scripts/")]
BY_NAME = [found for found in EVERY if not found.whole and not found.words[0].startswith("scripts/")]
SCRIPTS = [found for found in EVERY if found.words[0].startswith("scripts/")]


@pytest.mark.parametrize("found", TO_TYPE, ids=str)
def test_a_command_to_type_is_one_that_the_program_takes(
    found: Quoted, capsys: pytest.CaptureFixture[str]
) -> None:
    end = 0
    try:
        parser(found.words[0]).parse_args(found.words[1:])
    except SystemExit as ended:  # 0 is --help
        end = int(ended.code or 0)
    assert end == 0, capsys.readouterr().err


@pytest.mark.parametrize("found", BY_NAME, ids=str)
def test_a_command_named_in_the_text_has_that_name_and_those_options(found: Quoted) -> None:
    command, rest = deepest(found.words)
    if rest and not rest[0].startswith("-"):
        assert not wants_command(command), f"{command.prog} has no command {rest[0]}"
    assert {word.split("=")[0] for word in rest if re.match(r"--[a-z]", word)} <= options(command)


@pytest.mark.parametrize("found", SCRIPTS, ids=str)
def test_a_script_is_there_and_takes_that(found: Quoted, capsys: pytest.CaptureFixture[str]) -> None:
    assert (ROOT / found.words[0]).is_file()
    if found.whole and found.words[0] in PARSERS:
        end = 0
        try:
            import_module(PARSERS[found.words[0]]).parser().parse_args(found.words[1:])
        except SystemExit as ended:
            end = int(ended.code or 0)
        assert end == 0, capsys.readouterr().err


def test_the_pages_quote_many() -> None:
    assert len(TO_TYPE) > 20
    assert len(BY_NAME) > 20


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sudo anpr-edge aim --listen eth0   # a comment", [("anpr-edge", "aim", "--listen", "eth0")]),
        ("sudo -u anpr-central anpr-central keygen --out x", [("anpr-central", "keygen", "--out", "x")]),
        ("systemctl stop x; sudo anpr-edge test-read && ls", [("anpr-edge", "test-read")]),
        ("anpr-edge config example | sudo tee /etc/x >/dev/null", [("anpr-edge", "config", "example")]),
        (".venv/bin/anpr-edge scan FOLDER > reads.jsonl", [("anpr-edge", "scan", "FOLDER")]),
        ("$ anpr-fleet optics --lens 16", [("anpr-fleet", "optics", "--lens", "16")]),
        ("it's no command", []),
    ],
)
def test_a_line_of_shell_is_taken_apart(line: str, words: list[tuple[str, ...]]) -> None:
    assert list(commands(line)) == words
