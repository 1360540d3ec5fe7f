"""Who may see the page, and for how long: one token, one browser, some minutes."""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from anpr_edge.seams import Clock

TOKEN_BYTES = 16
"""128 bits: not to be guessed, and short enough for a QR code that a terminal can show."""
IDLE_S = 300.0
"""A page that nobody looks at for this long ends."""

Refused = Literal["", "wrong", "used", "over"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What came of offering a token: the browser's pass, or why there is none."""

    granted: str = ""
    refused: Refused = ""

    def __repr__(self) -> str:
        return f"Entry(refused={self.refused!r})"


class Session:
    """One use of the page. Safe to call from the server's threads."""

    def __init__(self, clock: Clock, *, minutes: float, idle_s: float = IDLE_S) -> None:
        self._clock = clock
        self._lock = Lock()
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._pass = ""
        self._began_ns = self._seen_ns = clock.now().mono_ns
        self._limit_s = minutes * 60
        self._idle_s = idle_s
        self._why = ""
        self.refusals: Counter[str] = Counter()

    @property
    def token(self) -> str:
        """What the QR code holds; good once."""
        return self._token

    def enter(self, offered: str) -> Entry:
        """Exchange the token for the browser's pass, once."""
        with self._lock:
            right = hmac.compare_digest(offered.encode(), self._token.encode())
            why: Refused = "over" if self._why else "wrong" if not right else "used" if self._pass else ""
            if why:
                self.refusals[why] += 1
                return Entry(refused=why)
            self._pass = secrets.token_urlsafe(2 * TOKEN_BYTES)
            self._seen_ns = self._clock.now().mono_ns
            return Entry(granted=self._pass)

    def admits(self, shown: str) -> bool:
        """Whether this is the pass of the one browser that entered; looking at the page keeps it alive."""
        with self._lock:
            if self._why or not self._pass or not hmac.compare_digest(shown.encode(), self._pass.encode()):
                return False
            self._seen_ns = self._clock.now().mono_ns
            return True

    def seen(self) -> None:
        """Somebody looks at the live view now."""
        self._seen_ns = self._clock.now().mono_ns

    @property
    def entered(self) -> bool:
        """Whether a browser has entered."""
        return bool(self._pass)

    @property
    def lasted_s(self) -> float:
        """Seconds since it began."""
        return (self._clock.now().mono_ns - self._began_ns) / 1e9

    @property
    def left_s(self) -> float:
        """Seconds until it ends, however much it is used."""
        return max(0.0, self._limit_s - self.lasted_s)

    def end(self, why: str) -> None:
        """Let nobody in any more, and say why in the log; the first reason counts."""
        with self._lock:
            self._why = self._why or why

    def over(self) -> str:
        """Why it has ended; empty while it goes on."""
        if not self._why and self.left_s <= 0:
            self.end("its time was over")
        if not self._why and (self._clock.now().mono_ns - self._seen_ns) / 1e9 >= self._idle_s:
            self.end(f"nobody looked at it for {self._idle_s / 60:.0f} min")
        return self._why
