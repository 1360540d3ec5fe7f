"""The services of a test's fleet as systemd keeps them: started again soon after they end, unless well."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from anpr_edge.devices.clock import SystemClock

POLL_S = 0.05
RESTART_S = 0.3
STOP_WITHIN_S = 20.0


class Service:
    """One command, kept running between `start` and `stop`; its words are in `log`.

    Ends it by itself with exit code 0, it stays ended (`Restart=on-failure`).
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._command = list(command)
        self.log = log
        self._environment = {**os.environ, **environment}
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._holds = 0
        self._clock = SystemClock()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._over = threading.Event()
        self._began_bytes = 0

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        with self._lock:
            return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it, and keep it running."""
        with self._lock:
            self._wanted = True
            if self.pid is None:
                self._spawn()
        if self._thread.ident is None:
            self._thread.start()

    def kill(self) -> None:
        """kill -9; it comes back."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Killed, and not started again before the block ends."""
        with self._lock:
            self._holds += 1
            self.kill()
        try:
            yield
        finally:
            with self._lock:
                self._holds -= 1
                if self._wanted and not self._holds:
                    self._spawn()

    def stop(self) -> None:
        """Ask it to end, and see that it does; it may be started again."""
        with self._lock:
            self._wanted = False
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stop it for good; harmless when called twice."""
        self.stop()
        self._over.set()

    def said(self, since_bytes: int = 0) -> str:
        """Its log, from `since_bytes` on."""
        return self.log.read_bytes()[since_bytes:].decode(errors="replace") if self.log.exists() else ""

    def said_last(self) -> str:
        """What the process that was started last has said."""
        with self._lock:
            return self.said(self._began_bytes) if self.pid else ""

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self._began_bytes = log.tell()
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    def _keep(self) -> None:
        while not self._over.is_set():
            self._clock.sleep(POLL_S)
            with self._lock:
                ended = self._process is not None and self._process.poll() not in (None, 0)
            if ended:
                self._clock.sleep(RESTART_S)
                with self._lock:
                    again = self._wanted and not self._holds
                    if again and self._process is not None and self._process.poll() not in (None, 0):
                        self._spawn()
