"""The one listener of `anpr-central watch`: GET /metrics, and nothing else."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from anpr_edge.central.openmetrics import CONTENT_TYPE
from anpr_edge.errors import UsageError

PATH: Final = "/metrics"
PATIENCE_S: Final = 5.0
"""How long a client may take to ask."""


def parse_address(text: str, *, anywhere: bool) -> tuple[str, int]:
    """`ADDRESS:PORT`, `[IPv6]:PORT` or a port alone, which is on 127.0.0.1; port 0 is any free one.

    Raises: UsageError when it is none, or not on loopback without `anywhere`.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--metrics {text}: no ADDRESS:PORT", hint="such as 127.0.0.1:9464")
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise UsageError(
            f"--metrics {text}: {host!r} is no IP address", hint="such as 127.0.0.1:9464"
        ) from None
    if not is_loopback and not anywhere:
        raise UsageError(
            f"--metrics {text}: not a loopback address, and there is no password on it",
            hint="use 127.0.0.1, or say --metrics-anywhere when a firewall stands before it",
        )
    return host, int(port)


class MetricsServer:
    """Serves what `text` gives until `close`. Raises: UsageError when the port cannot be had."""

    def __init__(self, address: tuple[str, int], text: Callable[[], str]) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        server_class = type("Server", (_Server,), {"address_family": family})
        try:
            self._server: _Server = server_class(address, _handler(text))
        except OSError as error:
            raise UsageError(
                f"--metrics {address[0]}:{address[1]}: {error.strerror}", hint="name another port"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._server.server_address[1]
        return port

    def close(self) -> None:
        """Stop listening; harmless when called twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


def _handler(text: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE_S
        server_version = "anpr-central"
        sys_version = ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self.send_error(404, "only /metrics is here")
                return
            body = text().encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Who asks for metrics is not logged."""

    return Handler
