"""Which path gives what, and to whom: without the browser's pass there is a door, and nothing behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from threading import Lock
from typing import Any, Final

from anpr_edge.aim import gate
from anpr_edge.aim.desk import Desk
from anpr_edge.aim.parcel import Parcel
from anpr_edge.aim.server import Answer, json_answer
from anpr_edge.aim.session import Session
from anpr_edge.aim.sight import Sight
from anpr_edge.aim.trace import ENTERED, REFUSED, Trace

KINDS: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
DOOR: Final = "/door.html"
OPEN: Final = frozenset({"/door.js", "/door.css", "/icon.svg"})
"""What a browser without a pass may have: the door's own parts, which say nothing of the unit."""
STREAM: Final = "application/octet-stream"
SILENCE_S: Final = 1.0
"""The page hears from the unit at least this often, frames or not."""
REFUSALS_ENTERED: Final = 5
"""The audit log has the first so many; the last entry has their number."""
REFUSED_WORDS: Final = {
    "wrong": "This code is not the one on the unit's terminal.",
    "used": "This code has been used: the page is open in another browser.",
    "over": "This page has ended.",
}


class AimRoutes:
    """Answers requests that came through the gate."""

    def __init__(self, session: Session, desk: Desk, sight: Sight, trace: Trace) -> None:
        self._session, self._desk, self._sight, self._trace = session, desk, sight, trace
        self._files = _page_files()
        self._lock = Lock()
        self._viewer = 0
        self._actions: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "/view": desk.save_view,
            "/commission": lambda _: desk.commission(),
            "/checks": lambda _: desk.checks(),
            "/peak": lambda _: self._reset_peaks(),
            "/end": lambda _: self._end(),
        }

    def get(self, path: str, shown_pass: str) -> Answer:
        """A file of the page, what the unit is, or the live view."""
        if path in OPEN:
            return self._file(path)
        if not self._session.admits(shown_pass):
            return self._file(DOOR, 403) if path == "/" else Answer(403, b"refused\n")
        if path == "/live":
            return Answer(kind=STREAM, parts=self._live())
        if path == "/unit":
            return json_answer(self._desk.unit())
        return self._file("/aim.html" if path == "/" else path)

    def post(self, path: str, shown_pass: str, body: Mapping[str, Any]) -> Answer:
        """Enter with the token, or do something with the pass."""
        if path == "/enter":
            return self._enter(body)
        if not self._session.admits(shown_pass):
            return Answer(403, b"refused\n")
        action = self._actions.get(path)
        return json_answer(action(body)) if action else Answer(404, b"no such thing\n")

    def _file(self, path: str, status: int = 200) -> Answer:
        found = self._files.get(path)
        if found is None:
            return Answer(404, b"no such thing\n")
        return Answer(status, found, KINDS[path.rpartition(".")[2]])

    def _enter(self, body: Mapping[str, Any]) -> Answer:
        entry = self._session.enter(str(body.get("token", "")))
        if entry.granted:
            self._trace.enter(ENTERED)
            return Answer(204, headers={"Set-Cookie": gate.pass_cookie(entry.granted)})
        if self._session.refusals.total() <= REFUSALS_ENTERED:
            self._trace.enter(REFUSED, why=f"a code was offered that is {entry.refused}")
        return json_answer({"error": REFUSED_WORDS[entry.refused]}, 403)

    def _live(self) -> Iterator[bytes]:
        """Parcels as they come; the newest viewer has them, an older one ends."""
        with self._lock:
            self._viewer += 1
            mine = self._viewer
        self._sight.watch(True)
        number = 0
        try:
            while mine == self._viewer:
                over = self._session.over() or self._sight.ended
                number, parcel = self._sight.newest(number, SILENCE_S)
                parcel = parcel or Parcel({"waiting": True})
                self._session.seen()
                own = {"left_s": round(self._session.left_s), "over": over}
                yield Parcel({**parcel.facts, **own}, parcel.picture).encode()
                if over:
                    return
        finally:
            if mine == self._viewer:
                self._sight.watch(False)

    def _reset_peaks(self) -> dict[str, Any]:
        self._sight.reset_peaks()
        return {}

    def _end(self) -> dict[str, Any]:
        self._session.end("ended on the page")
        return {}


def _page_files() -> dict[str, bytes]:
    """Every file of the page, by its path; nothing else can be asked for."""
    folder = files("anpr_edge.aim").joinpath("page")
    return {
        f"/{file.name}": file.read_bytes()
        for file in folder.iterdir()
        if file.name.rpartition(".")[2] in KINDS
    }
