"""`anpr-edge console`: the real commands behind its keys, and that nothing else can be had from it."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from anpr_edge.cli.console_cmd import PROGRAM
from anpr_edge.cli.console_menu import ENTRIES, Desk, run_child, serve
from anpr_edge.errors import AnprError
from tests.cli.quoted import parser
from tests.unit.diag.bench import Bench, make_bench

COMMAND = [sys.executable, "-m", "anpr_edge.cli.edge", "console", "--config"]
HEARING_CTRL_C = ["env", "--default-signal=INT"]
"""A shell that started the tests in its background has told them, and what they start, to ignore it."""
ON_A_TERMINAL = [*HEARING_CTRL_C, "setsid", "--ctty", "--wait"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = make_bench(tmp_path)
    made.write_config()
    return made


class Fixture:
    """A desk whose commands are noted, and a list of what is typed."""

    def __init__(self, folder: Path, typed: Sequence[str]) -> None:
        self.folder = folder
        self.typed = [*typed, "q"]
        self.ran: list[list[str]] = []
        self.traced: list[str] = []
        self.away = 0
        self.code = 0
        self.names: list[str] = ["eth0"]

    def ask(self, _: str) -> str:
        return self.typed.pop(0)

    def run(self, command: Sequence[str]) -> int:
        self.ran.append(list(command))
        return self.code

    @contextmanager
    def reader_away(self) -> Iterator[None]:
        self.away += 1
        yield
        self.away -= 1

    def stick(self) -> AbstractContextManager[Path]:
        return nullcontext(self.folder)

    def serve(self, heading: Callable[[], str] = lambda: "unit") -> None:
        desk = Desk(
            ("anpr-edge",),
            Path("unit.toml"),
            self.ask,
            self.run,
            self.run,
            self.reader_away,
            self.stick,
            lambda: self.names,
            self.traced.append,
            lambda: "ed25519:key",
        )
        serve(desk, heading)


def typed_into(config: Path, keys: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, str(config)], input=keys, capture_output=True, text=True, timeout=60, check=True
    )


def test_a_key_runs_the_real_command_and_the_menu_comes_back(bench: Bench) -> None:
    done = typed_into(bench.config, "1\nq\n")
    assert done.stdout.count("unit unit-0001 of fleet testfleet") == 2
    assert "reader" in done.stdout
    assert f"verify key {(bench.keys / 'sign.pub').read_text().strip()}" in done.stdout


def test_without_a_unit_it_says_so_and_goes_on(tmp_path: Path) -> None:
    done = typed_into(tmp_path / "unit.toml", "2\n")
    assert "no unit yet" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("typed", ["sh", "!ls", "/bin/sh", "1; sh", "--config /etc/shadow", "\x1b", "0"])
def test_nothing_but_its_own_keys_does_anything(typed: str, tmp_path: Path) -> None:
    desk = Fixture(tmp_path, [typed])
    desk.serve()
    assert desk.ran == []


def test_every_key_runs_our_program_or_asks_systemd(tmp_path: Path) -> None:
    desk = Fixture(tmp_path, list(ENTRIES))
    desk.serve()
    assert {command[0] for command in desk.ran} == {
        "anpr-edge",
        "journalctl",
        "systemctl",
        "systemd-tmpfiles",
    }
    assert {command[1] for command in desk.ran if command[0] == "anpr-edge"} >= {"aim", "test-read", "retire"}
    assert not any("--show-plates" in command for command in desk.ran)


@pytest.mark.parametrize("key", ENTRIES)
def test_the_program_takes_what_the_keys_ask_of_it(key: str, tmp_path: Path) -> None:
    desk = Fixture(tmp_path, [key])
    desk.serve()
    for command in desk.ran:
        if command[0] == "anpr-edge":
            parser("anpr-edge").parse_args(command[1:])


def test_what_pauses_the_reader_or_fills_a_stick_is_in_the_audit_log(tmp_path: Path) -> None:
    desk = Fixture(tmp_path, list(ENTRIES))
    desk.serve()
    assert desk.traced == ["test-read", "report", "outbox export"]


def test_the_drive_by_test_has_the_reader_away_and_its_record_and_the_areas_on_the_stick(
    tmp_path: Path,
) -> None:
    desk = Fixture(tmp_path, ["5"])
    desk.serve()
    areas, (*_, record, option, config) = desk.ran
    assert areas == ["anpr-edge", "config", "areas", "--out", str(tmp_path), "--config", "unit.toml"]
    assert record == str(tmp_path / "anpr-drive-by.html")
    assert (option, config) == ("--config", "unit.toml")
    assert desk.away == 0


@pytest.mark.parametrize(("folder", "taken"), [("anpr", "anpr"), ("", "")])
def test_a_bundle_is_taken_from_the_sticks_folder_for_it(folder: str, taken: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    desk = Fixture(tmp_path, ["9"])
    desk.serve()
    assert desk.ran[0] == ["anpr-edge", "provision", "--from", str(tmp_path / taken)]
    assert [command[0] for command in desk.ran[1:]] == ["systemd-tmpfiles", "systemctl"]
    assert (tmp_path / "anpr-verify-key.txt").read_text() == "ed25519:key\n"


def test_a_bundle_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    desk = Fixture(tmp_path, ["9"])
    desk.code = 1
    desk.serve()
    assert len(desk.ran) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("code", "last"), [(0, "retire"), (1, "start")])
def test_a_retirement_that_is_not_done_lets_the_unit_go_on(code: int, last: str, tmp_path: Path) -> None:
    desk = Fixture(tmp_path, ["x"])
    desk.code = code
    desk.serve()
    assert desk.ran[0] == ["systemctl", "stop", "anpr-edge.target"]
    assert desk.ran[-1][1] == last


@pytest.mark.parametrize(
    ("names", "typed", "listens"),
    [
        (["eth0"], ["4"], ["eth0"]),
        (["usb0", "eth0"], ["4", ""], ["usb0"]),
        (["usb0", "eth0"], ["4", "eth0"], ["eth0"]),
        (["usb0", "eth0"], ["4", "0.0.0.0 --force"], []),
        ([], ["4"], []),
    ],
)
def test_the_page_is_served_on_an_interface_of_the_unit(
    names: list[str], typed: list[str], listens: list[str], tmp_path: Path
) -> None:
    desk = Fixture(tmp_path, typed)
    desk.names = names
    desk.serve()
    assert [command[3] for command in desk.ran] == listens


def test_a_command_that_fails_leaves_the_menu_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Fixture(tmp_path, ["6", "1"])

    def no_stick() -> AbstractContextManager[Path]:
        raise AnprError("there is no USB stick", hint="put one in")

    desk.stick = no_stick  # type: ignore[method-assign]
    desk.serve()
    assert "there is no USB stick" in capsys.readouterr().err
    assert desk.ran == [["anpr-edge", "status", "--config", "unit.toml"]]


def test_ctrl_c_ends_the_command_and_not_the_menu(tmp_path: Path) -> None:
    """As a terminal does it: to the whole foreground group."""
    script = tmp_path / "menu.py"
    script.write_text(
        "from anpr_edge.cli.console_menu import run_child\n"
        "print('ready', flush=True)\n"
        "print(run_child(['sleep', '30']), flush=True)\n"
        "print('back', flush=True)\n"
    )
    with subprocess.Popen(
        [*HEARING_CTRL_C, sys.executable, script],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path.cwd(),
    ) as menu:
        assert menu.stdout is not None
        assert menu.stdout.readline() == "ready\n"
        time.sleep(0.5)
        subprocess.run(["kill", "-INT", "--", f"-{menu.pid}"], check=True)
        assert menu.stdout.read().splitlines() == [str(-signal.SIGINT), "back"]


def test_ctrl_c_while_the_menu_is_drawn_does_not_leave(tmp_path: Path) -> None:
    desk, drawn = Fixture(tmp_path, ["1"]), [KeyboardInterrupt()]

    def heading() -> str:
        if drawn:
            raise drawn.pop()
        return "unit"

    desk.serve(heading)
    assert desk.ran == [["anpr-edge", "status", "--config", "unit.toml"]]


def test_on_a_terminal_ctrl_c_at_the_prompt_does_not_leave(bench: Bench) -> None:
    """Where the menu is all there is, leaving it would show nothing, and must not show a shell."""
    leader, follower = os.openpty()
    command = [*ON_A_TERMINAL, *COMMAND, str(bench.config)]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower) as menu:
        os.close(follower)
        read_until(leader, b"> ")
        press_until(leader, b"\x03", b"> ")
        assert menu.poll() is None
        os.write(leader, b"q\n")
        assert menu.wait(30) == 0
    os.close(leader)


def test_what_is_longer_than_the_screen_stops_at_each_screenful(tmp_path: Path) -> None:
    script = tmp_path / "show.py"
    script.write_text(
        "from anpr_edge.cli.console_menu import run_paged\n"
        "print('ended', run_paged(['seq', '1000']), flush=True)\n"
    )
    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 80, 0, 0))
    command = [*ON_A_TERMINAL, sys.executable, str(script)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as shown:
        os.close(follower)
        first = read_until(leader, b"Ctrl-C to end --")
        assert b"\r\n10\r\n" in first
        assert b"11\r\n" not in first
        os.write(leader, b"\n")
        assert b"\r\n20\r\n" in read_until(leader, b"Ctrl-C to end --")
        press_until(leader, b"\x03", b"ended")
        assert shown.wait(30) == 0
    os.close(leader)


def press_until(leader: int, key: bytes, mark: bytes, within_s: float = 30.0) -> None:
    """Press a key once a second until the terminal shows `mark`: between prompt and wait it is not heard."""
    until = time.monotonic() + within_s
    while not _pressed(leader, key, mark):
        assert time.monotonic() < until


def _pressed(leader: int, key: bytes, mark: bytes) -> bool:
    """Press a key; whether the terminal then shows `mark` within a second."""
    os.write(leader, key)
    shown, until = b"", time.monotonic() + 1.0
    while mark not in shown and select.select([leader], [], [], max(0.0, until - time.monotonic()))[0]:
        shown += os.read(leader, 4096)
    return mark in shown


def read_until(leader: int, mark: bytes, within_s: float = 30.0) -> bytes:
    """What a terminal shows until it shows `mark`."""
    shown, until = b"", time.monotonic() + within_s
    while mark not in shown:
        ready, _, _ = select.select([leader], [], [], max(0.0, until - time.monotonic()))
        assert ready, shown
        shown += os.read(leader, 4096)
    return shown


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(AnprError, match="no-such-program"):
        run_child(["no-such-program"])


def test_the_audit_log_says_that_somebody_was_there(bench: Bench) -> None:
    from anpr_edge.cli.console_cmd import _trace

    trace: Callable[[Path, str], None] = _trace
    trace(bench.config, "report")
    (entry,) = map(json.loads, (bench.state_dir / "audit.log").read_text().splitlines())
    assert (entry["event"], entry["command"]) == ("console-used", "report")


def test_the_program_is_this_one() -> None:
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("anpr-edge ")
