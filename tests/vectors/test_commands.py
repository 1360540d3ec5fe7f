"""Every vector of a command does what it says."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import CommandError, CommandRefusal
from anpr_edge.seal.commands import open_command
from anpr_edge.seal.keys import VerifyKey
from tests.vectors.commands import COMMANDS
from tests.vectors.make import COMMANDS_FOLDER, as_text, command_text
from tests.vectors.test_sealed_reads import raw

FILES = sorted(COMMANDS_FOLDER.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_command_does_what_it_says(file: Path) -> None:
    vector: dict[str, Any] = json.loads(file.read_text())
    key = VerifyKey.parse(vector["verify_key"])
    if vector["expect"] == "opens":
        command = open_command(raw(vector["message"]), key)
        assert as_text(list(astuple(command))) == [vector["fields"][str(label)] for label in range(2, 11)]
    else:
        with pytest.raises(CommandError) as refused:
            open_command(raw(vector["message"]), key)
        assert refused.value.kind == CommandRefusal(vector["expect"])


def test_the_files_are_what_the_maker_makes() -> None:
    made = {case.name: command_text(case) for case in COMMANDS}
    assert {file.stem: file.read_text() for file in FILES} == made
