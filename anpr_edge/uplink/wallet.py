"""A client's credentials as they were last good, taken anew when their files change."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from anpr_edge.errors import AnprError
from anpr_edge.seams import Clock
from anpr_edge.uplink.tls import ClientContext, Credentials

LOOK_EVERY_S: Final = 5.0

_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    context: ClientContext
    secret: str
    until_utc_ns: int | None
    stamp: _Stamp


class Wallet:
    """Credentials for one connection after another; a broken new pair leaves the old one in use.

    `examine` says until when a certificate counts (UTC, ns) and raises AnprError for one that must not
    replace a good one: of another name or authority, or out of date. When there is none to keep,
    such a one is used all the same: the broker then says what it thinks of it.
    """

    def __init__(
        self, files: Credentials, clock: Clock, examine: Callable[[Credentials], int] | None = None
    ) -> None:
        self._files = files
        self._clock = clock
        self._examine = examine
        self._held: _Held | None = None
        self._stamp: _Stamp = ()
        self._looked_ns: int | None = None
        self.generation = 0
        self.trouble = ""

    def look(self, *, now: bool = False) -> None:
        """Take new files when there are any; looks at most every few seconds unless it has to be `now`."""
        mono_ns = self._clock.now().mono_ns
        if not now and self._looked_ns is not None and mono_ns - self._looked_ns < LOOK_EVERY_S * 1e9:
            return
        self._looked_ns = mono_ns
        stamp = tuple(map(_stamp, (self._files.ca_file, self._files.cert_file, self._files.key_file)))
        if stamp != self._stamp or self._held is None or self.trouble:  # trouble with dates may pass
            self._take(stamp)

    def context(self) -> ssl.SSLContext:
        """The TLS context to connect with; it knows earlier TLS sessions.

        Raises: UplinkError when the files cannot be used and no earlier ones could.
        """
        self.look(now=True)
        return self._files.context() if self._held is None else self._held.context

    def secret_name(self) -> str:
        """What only the holder of the private key knows. Raises: UplinkError, as `context` does."""
        self.look(now=True)
        return self._files.secret_name() if self._held is None else self._held.secret

    @property
    def until_utc_ns(self) -> int | None:
        """When the certificate in use ends; None when nobody knows."""
        return None if self._held is None else self._held.until_utc_ns

    def state(self) -> dict[str, object]:
        """The `certificate` part of a state file."""
        end_ns = self.until_utc_ns
        until = None if end_ns is None else datetime.fromtimestamp(end_ns / 1e9, UTC)
        days = None if end_ns is None else round((end_ns - self._clock.now().utc_ns) / 86_400e9, 1)
        shown = None if until is None else until.isoformat(timespec="seconds")
        renewals = max(0, self.generation - 1)
        return {"until": shown, "days_left": days, "renewals": renewals, "trouble": self.trouble}

    def _take(self, stamp: _Stamp) -> None:
        known, self._stamp = self._held is not None and stamp == self._held.stamp, stamp
        try:
            context, secret = self._files.context(), self._files.secret_name()
        except AnprError as error:
            self.trouble = str(error)
            return
        until_ns, self.trouble = self._examined()
        if known and self._held is not None:
            self._held = replace(self._held, until_utc_ns=until_ns or self._held.until_utc_ns)
        elif self._held is None or not self.trouble:
            self._held = _Held(context, secret, until_ns, stamp)
            self.generation += 1

    def _examined(self) -> tuple[int | None, str]:
        if self._examine is None:
            return None, ""
        try:
            return self._examine(self._files), ""
        except AnprError as error:
            return None, str(error)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced or written again."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
