"""A TCP proxy on loopback between a client and a broker: it counts, cuts, and goes silent on demand."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65_536


class Proxy:
    """Passes bytes on, until told otherwise. `up_bytes` and `down_bytes` are TCP payload."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent = threading.Event()
        self._closed = threading.Event()
        self.up_bytes = 0
        self.down_bytes = 0
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.getsockname()[1])

    def go_silent(self) -> None:
        """Pass nothing on any more, and say so to nobody: connections stay open."""
        self._silent.set()

    def speak(self) -> None:
        """Pass on again, new connections; the old ones are cut."""
        self.cut()
        self._silent.clear()

    def cut(self) -> None:
        """End all connections without a goodbye."""
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it."""
        self._closed.set()
        self.cut()
        self._server.close()
        self._thread.join(5.0)

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._closed.is_set():
                client, _ = self._server.accept()
                self.connections += 1
                try:
                    broker = socket.create_connection(self._target)
                except OSError:
                    client.close()
                    continue
                self._pairs.append((client, broker))
                threading.Thread(target=self._pass, args=(client, broker), daemon=True).start()

    def _pass(self, client: socket.socket, broker: socket.socket) -> None:
        with client, broker, selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, broker)
            ready.register(broker, selectors.EVENT_READ, client)
            while not self._closed.is_set():
                for key, _ in ready.select(0.2):
                    if self._pass_some(key, to_broker=key.data is broker):
                        continue
                    if not self._silent.is_set():
                        return
                    ready.unregister(key.fileobj)  # whoever hung up, the other shall not hear of it

    def _pass_some(self, key: selectors.SelectorKey, *, to_broker: bool) -> bool:
        """Move what there is; false at the end of the connection."""
        source, target = key.fileobj, key.data
        assert isinstance(source, socket.socket)
        try:
            data = source.recv(CHUNK)
            if data and not self._silent.is_set():
                target.sendall(data)
        except OSError:
            return False
        if to_broker:
            self.up_bytes += len(data)
        else:
            self.down_bytes += len(data)
        return bool(data)


@contextmanager
def proxy_to(host: str, port: int) -> Iterator[Proxy]:
    """A proxy that is closed at the end."""
    proxy = Proxy((host, port))
    try:
        yield proxy
    finally:
        proxy.close()
