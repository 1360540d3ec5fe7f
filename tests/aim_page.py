"""A unit whose `anpr-edge aim` runs as a process of its own, as a technician starts it."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anpr_edge.aim.parcel import Parcel, read_parcel
from anpr_edge.auditlog import read_audit
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.processes import end
from anpr_edge.fleet.rig import EDGE, Rig, build_rig

ROAD = {"source": "synthetic", "frame_rate": 15.0, "synthetic": {"vehicles": 12, "seed": 3}}
STOP_WITHIN_S = 20.0


@dataclass
class Reply:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class OpenPage:
    """The page of one unit, seen as an HTTP client that checks the printed fingerprint and keeps its pass."""

    rig: Rig
    told: Mapping[str, Any]
    process: subprocess.Popen[str]
    shown_pass: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        return urlsplit(str(self.told["link"])).netloc

    @property
    def token(self) -> str:
        return urlsplit(str(self.told["link"])).fragment

    @property
    def audit(self) -> list[Mapping[str, Any]]:
        """The entries of the unit's audit log; the chain must hold."""
        log = read_audit(self.rig.unit.state_dir / "audit.log")
        assert log.trouble == ""
        return list(log.entries)

    @property
    def events(self) -> list[str]:
        return [str(entry["event"]) for entry in self.audit]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request as the page's own script makes it; `headers` change or, when empty, take away."""
        sent = {"Host": self.host, "Cookie": self.shown_pass}
        if method == "POST":
            sent |= {"Origin": f"https://{self.host}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self.connect()) as connection:
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, content, {name: value for name, value in sent.items() if value})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())

    def connect(self) -> http.client.HTTPSConnection:
        """A connection to the server whose certificate was printed."""
        host, _, port = self.host.rpartition(":")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=30)
        connection.connect()
        certificate = connection.sock.getpeercert(binary_form=True)
        assert isinstance(certificate, bytes)
        shown = ":".join(f"{byte:02X}" for byte in hashlib.sha256(certificate).digest())
        assert shown == self.told["sha256"]
        return connection

    def enter(self) -> None:
        """Exchange the token for the pass, as the door does."""
        reply = self.ask("POST", "/enter", {"token": self.token})
        assert reply.status == 204
        self.shown_pass = reply.headers["Set-Cookie"].partition(";")[0]

    @contextmanager
    def live(self, *, everything: bool = False) -> Iterator[Iterator[Parcel]]:
        """The live view's parcels: those with a picture and the last one, or all."""
        with closing(self.connect()) as connection:
            connection.request("GET", "/live", headers={"Host": self.host, "Cookie": self.shown_pass})
            answer = connection.getresponse()
            assert answer.status == 200
            with closing(answer):
                yield _parcels(answer, everything)


def _parcels(stream: Any, everything: bool) -> Iterator[Parcel]:
    while (parcel := read_parcel(stream)) is not None:
        if everything or parcel.picture or parcel.facts.get("over"):
            yield parcel


@contextmanager
def open_page(directory: Path, camera: Mapping[str, Any] = ROAD, *options: str) -> Iterator[OpenPage]:
    """A new unit in `directory` with its page open; the process is ended afterwards."""
    rig = build_rig(directory, camera, SystemClock())
    with page_of(rig, *options) as page:
        yield page


@contextmanager
def page_of(rig: Rig, *options: str) -> Iterator[OpenPage]:
    """The page of a unit that is there."""
    command = [*EDGE, "aim", "--config", str(rig.config), "--port", "0", "--json", *options]
    with rig.log("aim").open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, rig.log("aim").read_text()
        yield OpenPage(rig, json.loads(line), process)
    finally:
        end(process, STOP_WITHIN_S)
