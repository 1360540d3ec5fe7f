"""What all programs share: exit codes, errors in words, and a start that needs no vision libraries."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from anpr_edge import __version__
from anpr_edge.cli.edge import main
from anpr_edge.cli.output import coloured, finding, progress, table
from anpr_edge.cli.program import run_program
from tests.cli.sample_commands import PLATE

FULL = Path("/dev/full")

WITHOUT_VISION = """
import sys
for name in ("numpy", "cv2", "tflite_runtime", "ai_edge_litert", "picamera2", "paho"):
    sys.modules[name] = None
from anpr_edge.cli.edge import main
sys.exit(main(sys.argv[1:]))
"""


def sample(*argv: str) -> int:
    return run_program("sample", "For tests.", ["tests.cli.sample_commands"], argv)


@pytest.fixture(autouse=True)
def no_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANPR_DEBUG", raising=False)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("well", 0),
        ("check-failed", 1),
        ("refused", 1),
        ("misconfigured", 78),
        ("interrupted", 130),
        ("broken", 70),
    ],
)
def test_exit_codes(command: str, code: int) -> None:
    assert sample(command) == code


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_stdout_is_said_in_words(unbuffered: str) -> None:
    code = "import sys; from anpr_edge.cli.program import run_program as run;"
    code += "sys.exit(run('sample', '', ['tests.cli.sample_commands'], ['well']))"
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: cannot write the output: No space left on device\n"


def test_data_goes_to_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    sample("well")
    assert capsys.readouterr() == ("data\n", "")


def test_errors_go_to_stderr_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    sample("refused")
    assert capsys.readouterr() == ("", "error: the lamp at pwm0 is dark\nhint: look at the fuse\n")


def test_an_unexpected_error_says_where_and_never_what_was_in_hand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sample("broken")
    shown = capsys.readouterr().err
    assert shown.startswith("error: unexpected KeyError at sample_commands.py:")
    assert "--debug" in shown
    assert PLATE not in shown


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debugging_shows_the_way_there(
    how: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "environment":
        monkeypatch.setenv("ANPR_DEBUG", "1")
    sample(*(["--debug"] if how == "option" else []), "broken")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["no-such-command"], ["--no-such-option", "well"]])
def test_wrong_usage(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        sample(*argv)
    assert caught.value.code == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"anpr-edge {__version__}\n")


@pytest.mark.parametrize("argv", [["--help"], ["config", "example"], ["init", "--help"]])
def test_starts_without_vision_and_network_libraries(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_VISION, *argv], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_every_command_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z-]+)(?: |$)", capsys.readouterr().out, flags=re.MULTILINE)
    assert listed == [
        "provision",
        "init",
        "enrol",
        "config",
        "read",
        "uplink",
        "policy",
        "list",
        "audit",
        "transparency",
        "aim",
        "update",
        "update-backend",
        "status",
        "top",
        "doctor",
        "lamps",
        "report",
        "netcheck",
        "outbox",
        "test-read",
        "console",
        "scan",
        "retire",
        "demo",
    ]


def test_a_reader_that_went_away_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "anpr_edge.cli.edge", "config", "example"],
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_finding_is_one_line_and_what_to_do_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    finding("ok", "disk.free", "12 GB", "1 GB", width=10)
    finding("fail", "clock", "unsynchronised", next_step="timedatectl set-ntp true", width=10)
    assert capsys.readouterr().out.splitlines() == [
        "ok   disk.free   12 GB  (limit 1 GB)",
        "fail clock       unsynchronised",
        "     next: timedatectl set-ntp true",
    ]


def test_a_table_has_columns_as_wide_as_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    table(("feed", "waiting"), [("charging", 3), ("x", 12000)])
    assert capsys.readouterr().out.splitlines() == ["feed      waiting", "charging  3", "x         12000"]


class Terminal(StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_whose_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured("fail", "fail", Terminal()) == "\x1b[31mfail\x1b[0m"
    assert coloured("fail", "fail", StringIO()) == "fail"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("fail", "fail", Terminal()) == "fail"


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((Terminal(), "\r\x1b[K3 of 7"), (StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stream)
        progress("3 of 7")
        assert stream.getvalue() == shown
