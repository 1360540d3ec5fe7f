"""Telling systemd how the service is: ready, alive, stopping, and one line for people."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping

from anpr_edge.seams import Notifier

log = logging.getLogger(__name__)


class NullNotifier:
    """For a process nobody supervises."""

    def ready(self) -> None:
        """Nobody is waiting."""

    def alive(self) -> None:
        """Nobody is watching."""

    def status(self, text: str) -> None:
        """Nobody is listening."""

    def stopping(self) -> None:
        """Nobody is waiting."""


class SystemdNotifier:
    """Speaks sd_notify(3) through systemd-python.

    `send` gives one message to the service manager, as `systemd.daemon.notify` does. A message that
    cannot be given is counted in `failures` and logged the first time; the service goes on.
    """

    def __init__(self, send: Callable[[str], bool]) -> None:
        self._send = send
        self.failures = 0

    def ready(self) -> None:
        """Start-up is over: units ordered after this one may start."""
        self._notify("READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._notify("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show `text` in `systemctl status`; kept to one line, since a line is a message of its own."""
        self._notify(f"STATUS={' '.join(text.split())}")

    def stopping(self) -> None:
        """A clean stop has begun."""
        self._notify("STOPPING=1")

    def _notify(self, message: str) -> None:
        try:
            self._send(message)
        except OSError as error:
            self.failures += 1
            if self.failures == 1:
                log.warning("the service manager cannot be told %s: %s", message.partition("=")[0], error)


def make_notifier(environ: Mapping[str, str] = os.environ) -> Notifier:
    """The notifier for this process: systemd's when it asked for one, else a silent one."""
    if not environ.get("NOTIFY_SOCKET"):
        return NullNotifier()
    try:
        from systemd.daemon import notify
    except ImportError:
        log.error(
            "the service manager waits for notifications, but systemd-python is not installed: it will "
            "take this service for hung; install the package python3-systemd or anpr-edge[systemd]"
        )
        return NullNotifier()
    return SystemdNotifier(notify)
