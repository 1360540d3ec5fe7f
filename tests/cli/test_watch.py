"""`anpr-central watch` on a real broker: what units left there, what happens, and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from anpr_edge.cli.central import main
from anpr_edge.devices.clock import SystemClock
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.keys import SigningKey
from anpr_edge.uplink import topics
from tests.fleet_samples import flat, now_utc
from tests.integration.conftest import CENTRE, FEED, FLEET, HOST, UNIT, Site, broker, site
from tests.integration.helpers import link_state, make_uplink, within
from tests.integration.watcher import leave

pytestmark = pytest.mark.broker

__all__ = ["broker", "site"]

CENTRAL = [sys.executable, "-m", "anpr_edge.cli.central"]


def arguments(site: Site, *more: str) -> list[str]:
    """The command, with a centre's home that has a list of units and a watermark key."""
    home = site.credentials(CENTRE).ca_file.parent
    if not (home / "units.toml").exists():
        (home / "units.toml").write_text(f'[units]\n"{UNIT}" = "{SigningKey.generate().public.text}"\n')
        SigningKey.generate().save(home / "ack.pem")
    where = ["--home", str(home), "--host", HOST, "--port", str(site.port), "--fleet", FLEET]
    return ["watch", *where, *more]


def once(site: Site, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    """One look, as JSON, and the exit code."""
    code = main(arguments(site, "--once", "--json", "--for", "1.5", *more))
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, told


@contextmanager
def unit_online(site: Site, **health: Any) -> Iterator[None]:
    """A unit that is connected and has told its health."""
    with make_uplink(site) as uplink:
        assert link_state(uplink).connected
        assert uplink.report_health(flat(now_utc(), **health))
        time.sleep(0.3)
        yield


def test_a_unit_that_is_well(broker: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with unit_online(broker):
        code, told = once(broker, capsys)
    (unit,) = told["units"]
    assert (code, told["well"], unit["unit"], unit["verdict"]) == (0, True, UNIT, "ok")
    assert unit["online"] is True
    assert 0 <= unit["health_age_s"] < 60


def test_a_unit_that_is_not(broker: Site, capsys: pytest.CaptureFixture[str]) -> None:
    services = {"reader": {"state": "failed"}, "uplink": {"state": "running"}}
    with unit_online(broker, services=services):
        code, told = once(broker, capsys)
    assert code == 1
    assert told["units"][0]["conditions"][0]["code"] == "services"


def test_a_unit_that_vanished_is_offline_by_its_will(
    broker: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    with unit_online(broker):
        pass
    code, told = once(broker, capsys)
    condition = told["units"][0]["conditions"][0]
    assert (code, condition["code"], condition["measured"]) == (1, "offline", "stopped")


def test_a_unit_that_never_came_is_missed(broker: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = once(broker, capsys, "--for", "6")
    assert (code, told["units"][0]["conditions"][0]["measured"]) == (1, "never heard of")


def test_what_the_centre_asks_for_again_is_seen(broker: Site, capsys: pytest.CaptureFixture[str]) -> None:
    arguments(broker)
    key = SigningKey.load(broker.credentials(CENTRE).ca_file.parent / "ack.pem")
    ack = Ack(FLEET, UNIT, FEED, 90, ((41, 43),), SystemClock().now().utc_ns, bytes(8))
    leave(broker, topics.ack(FLEET, UNIT, FEED), sign_ack(ack, key))
    with unit_online(broker):
        code, told = once(broker, capsys)
    condition = told["units"][0]["conditions"][0]
    assert (code, condition["code"]) == (1, "losing")
    assert condition["measured"] == "3 asked for again by the centre"
    assert told["units"][0]["feeds"][FEED]["missing"] == 3


def test_an_update_of_a_group_is_watched_to_its_end(broker: Site, capsys: pytest.CaptureFixture[str]) -> None:
    why = "reader not alive"
    last = {"version": "1.4.0", "from_version": "1.3.0", "slot": "B", "phase": "rolled-back", "why": why}
    update = {"system": "1.3.0", "last": {**last, "utc": now_utc()}, "fetch": None}
    asked = ("--group", "pilot", "--update", "1.4.0")
    with make_uplink(broker, birth={"groups": ["pilot"]}) as uplink:
        assert link_state(uplink).connected
        assert uplink.report_health(flat(now_utc(), update=update))
        time.sleep(0.3)
        code, told = once(broker, capsys, *asked)
        assert (code, told["update"]["done"], told["units"][0]["progress"]) == (1, False, "fell-back")
        assert told["units"][0]["last_update"]["why"] == why
        assert told["systems"] == {"1.3.0": 1}
        main(arguments(broker, "--once", "--for", "1", *asked))
        assert f"update 1.4.0: 0 of 1 done; 1 fell back: {UNIT}: {why}\n" in capsys.readouterr().out
        done = {"system": "1.4.0", "last": {**last, "phase": "committed", "why": ""}, "fetch": None}
        assert uplink.report_health(flat(now_utc(), update=done))
        time.sleep(0.3)
        code, told = once(broker, capsys, *asked)
        assert (code, told["update"]["done"], told["units"][0]["system"]) == (0, True, "1.4.0")
        code, told = once(broker, capsys, "--group", "north")
        assert (code, told["units"], told["groups"]) == (1, [], ["north"])
    code, told = once(broker, capsys, *asked)
    assert (code, told["units"][0]["groups"], told["units"][0]["online"]) == (1, ["pilot"], False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--update", "next"], "'next' is no version"),
        (["--only", "done"], "--only goes with --update"),
        (["--group", "No Group"], "cannot name a group"),
    ],
)
def test_what_cannot_be_asked(
    site: Site, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(arguments(site, "--once", *words)) == 2
    assert told in capsys.readouterr().err


def test_no_broker_is_not_well(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = once(site, capsys)
    assert (code, told["connected"], told["units"][0]["verdict"]) == (1, False, "not-known")
    assert "nothing listens there" in told["detail"]


def test_a_table_for_people(broker: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with unit_online(broker, clock={"utc_error_ms": None}):
        assert main(arguments(broker, "--once", "--for", "1.5")) == 0
    shown = capsys.readouterr().out
    assert f"fleet {FLEET}: 1 warn" in shown
    assert re.search(rf"^warn  {UNIT}.*clock: not synchronised$", shown, re.MULTILINE)
    assert "\x1b" not in shown


def test_metrics_are_served_meanwhile(broker: Site) -> None:
    command = [*CENTRAL, *arguments(broker, "--json", "--every", "0.2", "--metrics", "127.0.0.1:0")]
    with (
        unit_online(broker),
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch,
    ):
        try:
            assert watch.stderr
            assert watch.stdout
            where = watch.stderr.readline().split()[-1]
            for _ in within("the watch shows a well unit"):
                if json.loads(watch.stdout.readline())["well"]:
                    break
            with urllib.request.urlopen(where, timeout=60) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
        finally:
            watch.send_signal(signal.SIGTERM)
            watch.communicate(timeout=60)
    values = {s.name: s.value for family in families for s in family.samples if "unit" in s.labels}
    assert values["anpr_unit_online"] == 1
    assert watch.returncode == 0


def test_metrics_stay_on_loopback(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(site, "--once", "--metrics", "0.0.0.0:0")) == 2
    assert "--metrics-anywhere" in capsys.readouterr().err


class Terminal:
    """The watch in a terminal of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.screen = ""
        self._pid, self._end = pty.fork()
        if self._pid == 0:
            os.execve(command[0], command, environment)
        self.resize(24, 80)

    def resize(self, rows: int, columns: int) -> None:
        ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def await_text(self, wanted: str) -> str:
        """Read until `wanted` was drawn; returns what was drawn, up to there."""
        for _ in within(f"{wanted!r} on the terminal"):
            if wanted in self.screen:
                break
            ready, _, _ = select.select([self._end], [], [], 0.2)
            self.screen += os.read(self._end, 65536).decode(errors="replace") if ready else ""
        at = self.screen.index(wanted) + len(wanted)
        drawn, self.screen = self.screen[:at], self.screen[at:]
        return drawn

    def press(self, key: str) -> None:
        os.write(self._end, key.encode())

    def ended(self) -> int:
        """The exit code, once what is left was read."""
        rest = b""
        try:
            while chunk := os.read(self._end, 65536):
                rest += chunk
        except OSError:  # how Linux says that the other side is gone
            pass
        self.screen += rest.decode(errors="replace")
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_on_a_terminal_until_a_key(broker: Site, key: str) -> None:
    command = [*CENTRAL, *arguments(broker, "--every", "0.3")]
    with unit_online(broker):
        terminal = Terminal(command, {**os.environ, "TERM": "xterm"})
        shown = terminal.await_text("1 ok")
        assert "\x1b[?1049h" in shown
        assert "\x1b[32mok  " in terminal.await_text("q quits")
        terminal.press(key)
        assert terminal.ended() == 0
    assert terminal.screen.endswith("\x1b[?25h\x1b[?1049l")


def test_it_fits_the_terminal_and_has_no_colours_when_told(broker: Site) -> None:
    command = [*CENTRAL, *arguments(broker, "--every", "60")]
    services = {"reader": {"state": "failed"}, "uplink": {"state": "failed"}}
    with unit_online(broker, services=services):
        terminal = Terminal(command, {**os.environ, "TERM": "xterm", "NO_COLOR": "1"})
        terminal.await_text("q quits")  # the next look would be in a minute
        time.sleep(1.0)
        terminal.resize(10, 60)
        shown = terminal.await_text("services: reader …") + terminal.await_text("q quits")
        terminal.press("q")
        assert terminal.ended() == 0
    lines = [re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", line) for line in shown.split("\r\n")]
    assert max(map(len, lines)) == 60
    assert "\x1b[31m" not in shown
