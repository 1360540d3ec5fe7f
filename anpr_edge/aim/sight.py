"""The page's end of the eye: starts the process, keeps its newest parcel, passes on orders."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any, BinaryIO, Final, cast

from anpr_edge.aim.parcel import Parcel, read_parcel
from anpr_edge.errors import AnprError

END_WITHIN_S: Final = 10.0


class Sight:
    """A running eye. Safe to call from the server's threads."""

    def __init__(self, config_path: Path) -> None:
        """Start the eye over the source that a configuration names."""
        command = [sys.executable, "-m", "anpr_edge.aim.eye", "--config", str(config_path)]
        # A session of its own: Ctrl-C in the terminal reaches the server alone, which ends it in order.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._changed = Condition()
        self._newest: Parcel | None = None
        self._number = 0
        self._view: Mapping[str, Any] | None = None
        self.ended = ""
        self.apart = False
        Thread(target=self._read, name="sight", daemon=True).start()

    @property
    def pid(self) -> int:
        """The eye's process."""
        return self._process.pid

    def newest(self, after: int, timeout_s: float) -> tuple[int, Parcel | None]:
        """The newest parcel and its number, waiting for one above `after`; None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > after or self.ended, timeout_s)
            return (self._number, self._newest) if self._number > after else (after, None)

    def watch(self, wanted: bool) -> None:
        """Somebody looks, or nobody does any more."""
        self._order("watch" if wanted else "rest")

    def reset_peaks(self) -> None:
        """Begin the focus meters anew."""
        self._order("peak")

    def reload(self) -> None:
        """The configuration's view has changed."""
        self._order("reload")

    def gather_view(self, timeout_s: float) -> Mapping[str, Any]:
        """The features of what the camera looks at, gathered over some seconds.

        Raises: AnprError when they do not come in time.
        """
        with self._changed:
            self._view = None
        self._order("commission")
        view = self._await_view(timeout_s)
        if view is None:
            raise AnprError("the view could not be captured", hint="are there frames? then try again")
        return view

    def _await_view(self, timeout_s: float) -> Mapping[str, Any] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._view is not None or self.ended, timeout_s)
            return self._view

    def close(self) -> None:
        """End the eye and wait for it; the camera is free afterwards."""
        with contextlib.suppress(OSError):
            cast(IO[bytes], self._process.stdin).close()
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _order(self, what: str) -> None:
        stream = cast(IO[bytes], self._process.stdin)
        with contextlib.suppress(OSError, ValueError):  # an eye that has ended says so by itself
            stream.write(json.dumps({"do": what}).encode() + b"\n")
            stream.flush()

    def _read(self) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        why = ""
        try:
            while (parcel := read_parcel(stream)) is not None:
                why = parcel.facts.get("ended", "")
                self._take(parcel)
        except (AnprError, ValueError, OSError) as error:
            why = str(error)
        with self._changed:
            self.ended = why or "the camera's process has ended"
            self._changed.notify_all()

    def _take(self, parcel: Parcel) -> None:
        with self._changed:
            if "ready" in parcel.facts:
                self.apart = bool(parcel.facts["apart"])
                return
            view = parcel.facts.get("view")
            if view and "signature" in view:
                self._view = view["signature"]
                parcel = Parcel({**parcel.facts, "view": {"done": 1.0}}, parcel.picture)
            self._newest = parcel
            self._number += 1
            self._changed.notify_all()
