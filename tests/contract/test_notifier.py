"""What every Notifier promises, and what a real service manager's socket hears from ours."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anpr_edge.daemon.notify import NullNotifier, SystemdNotifier, make_notifier
from anpr_edge.seams import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The service manager's end: a real datagram socket that NOTIFY_SOCKET names."""
    pytest.importorskip("systemd.daemon", reason="systemd-python is not installed")
    at_path = request.param == "path"
    name = str(tmp_path / "notify") if at_path else f"\0anpr-edge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(name)
        server.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        yield server


@pytest.fixture(params=["null", "systemd"])
def notifier(request: pytest.FixtureRequest) -> Notifier:
    return NullNotifier() if request.param == "null" else SystemdNotifier(lambda message: False)


def test_every_call_returns(notifier: Notifier) -> None:
    notifier.ready()
    notifier.alive()
    notifier.status("12 reads waiting")
    notifier.stopping()


def test_the_manager_hears_each_message(manager: socket.socket) -> None:
    notifier = make_notifier()
    notifier.ready()
    notifier.alive()
    notifier.status("12 reads\nREADY=1")
    notifier.stopping()
    heard = [manager.recv(4096) for _ in range(4)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"STATUS=12 reads READY=1", b"STOPPING=1"]


def test_a_manager_that_has_gone_is_counted_and_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("systemd.daemon", reason="systemd-python is not installed")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notifier = make_notifier()
    assert isinstance(notifier, SystemdNotifier)
    notifier.ready()
    notifier.alive()
    assert notifier.failures == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_without_a_manager_nothing_is_said() -> None:
    assert isinstance(make_notifier({}), NullNotifier)


def test_without_systemd_python_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)  # as if it were not installed
    assert isinstance(make_notifier({"NOTIFY_SOCKET": "/run/systemd/notify"}), NullNotifier)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "python3-systemd" in caplog.text
