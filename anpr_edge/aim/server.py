"""The page's server: TLS, one path one answer, few connections, and nothing kept anywhere.

It knows how a request is answered; what is answered is in `routes`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import BoundedSemaphore
from typing import Any, Final, Protocol, cast

from anpr_edge.aim import gate
from anpr_edge.errors import AnprError

log = logging.getLogger(__name__)

CONNECTIONS: Final = 24
"""A browser opens six; more is nobody we want."""
SILENT_S: Final = 15.0
"""A connection on which nothing moves for so long is closed."""
LONGEST_BODY: Final = 65_536
READ_AWAY: Final = 4 * LONGEST_BODY
SEND_BUFFER_BYTES: Final = 65_536
"""Small, so that a slow connection shows the newest picture and not those of seconds ago."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `parts` is a stream that is sent as it comes, instead of a body."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Iterable[bytes] | None = None


def json_answer(value: Mapping[str, Any], status: int = 200) -> Answer:
    """A JSON object."""
    return Answer(status, json.dumps(value).encode(), "application/json")


class Routes(Protocol):
    """What the server asks for every request that is meant for us."""

    def get(self, path: str, shown_pass: str) -> Answer: ...

    def post(self, path: str, shown_pass: str, body: Mapping[str, Any]) -> Answer: ...


class AimServer(ThreadingHTTPServer):
    """Listens at one address; `hosts` are the names in a URL that may lead here."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(
        self, address: str, port: int, context: ssl.SSLContext, routes: Routes, hosts: frozenset[str]
    ) -> None:
        self.address_family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        super().__init__((address, port), _Handler)
        self.routes, self.hosts = routes, hosts
        self._context = context
        self._room = BoundedSemaphore(CONNECTIONS)

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self.socket.getsockname()[1])

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        """The next connection; its handshake is made in its own thread, so that a slow one stops nobody."""
        connection, peer = self.socket.accept()
        connection.settimeout(SILENT_S)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), peer

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, while there is room for one more."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, from handshake to end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is no news; a fault of ours is, by its kind alone (law 2)."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.error("aim: a request ended with %s", type(error).__name__)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENT_S
    _read = False

    @property
    def _aim(self) -> AimServer:
        return cast(AimServer, self.server)

    def setup(self) -> None:
        cast(ssl.SSLSocket, self.request).do_handshake()
        super().setup()

    def do_GET(self) -> None:
        if not gate.is_own_host(self._headers, self._aim.hosts):
            self._send(Answer(421, b"not this host\n"))
            return
        self._send(self._asked(lambda: self._aim.routes.get(self.path, gate.shown_pass(self._headers))))

    def do_POST(self) -> None:
        self._read = False
        if not gate.is_own_host(self._headers, self._aim.hosts):
            self._refuse(Answer(421, b"not this host\n"))
            return
        if not gate.is_own_page(self._headers):
            self._refuse(Answer(403, b"not from the page itself\n"))
            return
        body = self._body()
        if body is None:
            self._refuse(Answer(400, b"not a JSON object of at most 64 kB\n"))
            return
        shown = gate.shown_pass(self._headers)
        self._send(self._asked(lambda: self._aim.routes.post(self.path, shown, body)))

    @property
    def _headers(self) -> Mapping[str, str]:
        return cast(Mapping[str, str], self.headers)

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except AnprError as error:
            return json_answer({"error": str(error), "hint": error.hint}, 409)

    def _body(self) -> Mapping[str, Any] | None:
        length = self._length()
        if length is None or length > LONGEST_BODY:
            return None
        self._read = True
        try:
            value = json.loads(self.rfile.read(length))
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def _refuse(self, answer: Answer) -> None:
        """Without a look at what was sent; it is read away, or closing would cut the answer off."""
        self.close_connection = True
        self._send(answer)
        length = None if self._read else self._length()
        if length:
            self.wfile.flush()
            self.rfile.read(min(length, READ_AWAY))

    def _length(self) -> int | None:
        """What the request says its body is long; None when it does not, or says nonsense."""
        length = self.headers.get("Content-Length", "") if getattr(self, "headers", None) else ""
        return int(length) if length.isascii() and length.isdecimal() and len(length) < 10 else None

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in {**gate.HEADERS, **answer.headers, "Content-Type": answer.kind}.items():
            self.send_header(name, value)
        if answer.parts is None:
            self.send_header("Content-Length", str(len(answer.body)))
        if answer.parts is not None or self.close_connection:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.parts is not None:
            with contextlib.closing(cast(Any, answer.parts)):
                for part in answer.parts:
                    self.wfile.write(part)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that is none: a bare status, in which nothing of the request comes back."""
        self._refuse(Answer(code, b"refused\n"))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is logged of a request: what matters is in the audit log."""
