"""A link that can be made to fail: passes TCP on to a port of this machine, until told to do worse.

It sees only TLS. Whatever it does to one connection is what a road does to it: bytes late, in fits, or
never, with or without a word to the two ends.
"""

from __future__ import annotations

import asyncio
import random
import threading
from contextlib import suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"
CHUNK_BYTES = 65536


@dataclass(eq=False, slots=True)
class _Passage:
    """One connection and its other half; `dead`: both ends stay open and nothing passes any more."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    dead: bool = False


class Proxy:
    """Listens on `port` and passes on to `target_port` until `close`.

    `refusing` hangs up on whoever comes, `delay_s` holds every byte back that long, `fits_s` halts the
    line now and then for up to so long. All may be changed at any time, from any thread.
    """

    def __init__(self, target_port: int, rng: random.Random) -> None:
        self.refusing = False
        self.delay_s = 0.0
        self.fits_s = 0.0
        self.port = 0
        self._target_port = target_port
        self._rng = rng
        self._passages: set[_Passage] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        self._listening.wait()

    def cut(self) -> None:
        """Break every connection that is open now; both ends are told."""
        self._loop.call_soon_threadsafe(self._cut)

    def forget(self) -> None:
        """Leave every connection that is open now half-open: nothing passes, nobody is told."""
        for passage in tuple(self._passages):
            passage.dead = True

    def heal(self) -> None:
        """Pass on as at the beginning."""
        self.refusing, self.delay_s, self.fits_s = False, 0.0, 0.0

    def close(self) -> None:
        """Break all and stop listening."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._accepted, HOST, 0))
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        self._cut()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    def _cut(self) -> None:
        for passage in tuple(self._passages):
            for writer in passage.writers:
                writer.transport.abort()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            there, away = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        passage = _Passage([writer, away])
        self._passages.add(passage)
        try:
            await asyncio.gather(self._pass(reader, away, passage), self._pass(there, writer, passage))
        finally:
            self._passages.discard(passage)
            for one in passage.writers:
                one.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: _Passage
    ) -> None:
        """Pass on one direction; the delay is a pipe of its own, so that a late byte holds back no other."""
        pipe: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        pouring = asyncio.ensure_future(self._pour(pipe, writer, passage))
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await pipe.put((self._loop.time() + self._hold_s(), chunk))
        except OSError:
            writer.transport.abort()
        await pipe.put((0.0, b""))
        await pouring

    def _hold_s(self) -> float:
        halted = self.fits_s and self._rng.random() < 0.2
        return self.delay_s + (self._rng.uniform(0.0, self.fits_s) if halted else 0.0)

    async def _pour(
        self, pipe: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, passage: _Passage
    ) -> None:
        while True:
            due_s, chunk = await pipe.get()
            await asyncio.sleep(max(0.0, due_s - self._loop.time()))
            if not chunk:
                break
            if not passage.dead:
                with suppress(OSError):
                    writer.write(chunk)
                    await writer.drain()
        if not passage.dead:
            writer.close()
