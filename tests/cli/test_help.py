"""What a technician types teaches itself: each command has an example, and says what its exit code means."""

from __future__ import annotations

import pytest

from anpr_edge.cli.edge import main

COMMANDS = [
    "aim",
    "doctor",
    "lamps clear-tamper",
    "netcheck",
    "outbox confirm",
    "outbox export",
    "outbox status",
    "outbox verify",
    "report",
    "status",
    "test-read",
    "top",
]
WITHOUT_JSON = {"lamps clear-tamper", "top"}
"""One only acts, the other is a screen."""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"anpr-edge {command}" in text.partition("\n\n")[2]
    assert "exit code: 0" in text.lower()
    assert ("--json" in text) is (command not in WITHOUT_JSON)


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "outbox confirm"])
def test_a_configuration_that_is_not_there_is_78(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["/media"] if command == "outbox export" else []
    code = main([*command.split(), *place, "--config", "/nowhere/unit.toml"])
    assert code == 78
    told = capsys.readouterr()
    assert "/nowhere/unit.toml" in told.out + told.err
