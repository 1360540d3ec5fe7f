"""An HTTPS server as a fleet has one for its bundles, with the troubles it may have."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from anpr_edge.uplink.fetch import Server
from anpr_edge.uplink.tls import Credentials

BUNDLE_PATH = "releases/a.raucb"


@dataclass
class Web:
    """An HTTPS server with one file, that hangs up after `breaks` bytes as often as it has breaks."""

    content: bytes
    breaks: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    asked: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def __init__(self, web: Web, *more: Any) -> None:
        self.web = web
        super().__init__(*more)

    def do_GET(self) -> None:
        wanted = self.headers.get("Range") if self.web.knows_ranges else None
        self.web.asked.append(self.headers.get("Range") or "all")
        begins = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if self.path != f"/{BUNDLE_PATH}":
            self.send_error(404)
            return
        body = self.web.content[begins:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        if wanted:
            self.send_header(
                "Content-Range", f"bytes {begins}-{len(self.web.content) - 1}/{len(self.web.content)}"
            )
        self.end_headers()
        self.wfile.write(body[: self.web.breaks.pop(0)] if self.web.breaks else body)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(web: Web, papers: Path, port: int = 0) -> Iterator[Server]:
    """Let it run, with the papers in a folder: server.crt, server.pem, ca.crt; and a unit's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers / "server.crt", papers / "server.pem")
    context.load_verify_locations(papers / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    with ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, web)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        credentials = Credentials(papers / "ca.crt", papers / "tls.crt", papers / "tls.pem")
        yield Server("127.0.0.1", server.server_address[1], credentials)
        server.shutdown()
