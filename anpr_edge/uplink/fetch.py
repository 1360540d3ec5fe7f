"""The rest of a file, over HTTPS: from where the last attempt ended, and never more than was announced."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anpr_edge.errors import UplinkError
from anpr_edge.uplink.meter import Meter
from anpr_edge.uplink.tls import Papers, SettingNames, explain

BLOCK_BYTES: Final = 32_768
SYNC_EVERY_BYTES: Final = 4 << 20
"""What an fsync has covered is not fetched again after a power cut."""

SILENT_S: Final = 30.0
SERVER_SETTINGS: Final = SettingNames("update.host", "update.port", "broker.ca_file", "broker.cert_file")


@dataclass(frozen=True, slots=True)
class Server:
    """Where bundles lie: an HTTPS server with a certificate of the fleet's authority, and our own papers."""

    host: str
    port: int
    papers: Papers


def fetch_rest(
    server: Server, path: str, part: Path, size: int, *, go_on: Callable[[int], bool], meter: Meter
) -> bool:
    """Append to `part` what it lacks of `size` bytes; False when `go_on` said to stop.

    `go_on` is told the bytes of each block once it is written. A server that knows no ranges is read from the
    beginning again.

    Raises: UplinkError when the server is not reached, has another file, or the disk does not take it.
    """
    url = f"https://{server.host}:{server.port}/{path}"
    connection = http.client.HTTPSConnection(
        server.host, server.port, timeout=SILENT_S, context=server.papers.context()
    )
    counted: socket.socket | None = None
    try:
        have = part.stat().st_size if part.exists() else 0
        connection.connect()
        counted = socket.socket(fileno=os.dup(connection.sock.fileno()))  # outlives the answer's own close
        meter.watch(counted)
        headers = {"Range": f"bytes={have}-"} if have else {}
        connection.request("GET", f"/{path}", headers={**headers, "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        begins = _begins_at(answer, have, size, url)
        with part.open("r+b" if begins else "wb") as file:
            file.seek(begins)
            return _append(answer, file.fileno(), size - begins, go_on)
    except (OSError, http.client.HTTPException) as error:
        words = str(error) or type(error).__name__
        raise UplinkError(
            f"{url}: {explain(words, SERVER_SETTINGS).replace('the broker', 'the server')}"
        ) from None
    finally:
        meter.release()
        if counted is not None:
            counted.close()
        connection.close()


def _begins_at(answer: http.client.HTTPResponse, have: int, size: int, url: str) -> int:
    """Where the answer's body belongs in the file. Raises: UplinkError when it is not our file's."""
    if answer.status == http.client.PARTIAL_CONTENT:
        begins = have
        if not (answer.getheader("Content-Range") or "").startswith(f"bytes {have}-"):
            raise UplinkError(f"{url}: the server answers with another range than was asked for")
    elif answer.status == http.client.OK:
        begins = 0
    else:
        raise UplinkError(
            f"{url}: the server answers {answer.status} {answer.reason}",
            hint="is the bundle there, and may this unit have it?",
        )
    length = answer.getheader("Content-Length") or ""
    if not length.isdecimal() or begins + int(length) != size:
        raise UplinkError(
            f"{url}: {begins} and {length or 'an unknown number of'} bytes, {size} were ordered"
        )
    return begins


def _append(
    answer: http.client.HTTPResponse, descriptor: int, left: int, go_on: Callable[[int], bool]
) -> bool:
    unsynced = 0
    while left:
        block = answer.read(min(BLOCK_BYTES, left))
        if not block:
            raise http.client.IncompleteRead(b"", left)
        view = memoryview(block)
        while view:
            view = view[os.write(descriptor, view) :]
        left, unsynced = left - len(block), unsynced + len(block)
        if unsynced >= SYNC_EVERY_BYTES or not left:
            os.fsync(descriptor)
            unsynced = 0
        if not go_on(len(block)) and left:
            os.fsync(descriptor)
            return False
    return True
