"""Every store there is, as the contract suite opens it, and what it holds as others would read it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from anpr_edge.central.documents import read_document
from anpr_edge.central.stores import Store
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.central.stores.sqlite import SqliteStore
from tests.central_fakes import MemoryStore


class Bench(Protocol):
    """A place where one kind of store keeps what it is given."""

    def open(self) -> Store:
        """The same store again each time."""
        ...

    def kept(self) -> list[Mapping[str, Any]]:
        """The documents of all reads, as a program reads them that is none of ours."""
        ...


class MemoryBench:
    def __init__(self) -> None:
        self._store = MemoryStore()

    def open(self) -> Store:
        return self._store

    def kept(self) -> list[Mapping[str, Any]]:
        return [read_document(one.opened, one.link, one.received_utc_ns) for one in self._store.reads]


class JsonlBench:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "reads.jsonl"

    def open(self) -> JsonlStore:
        return JsonlStore(self.path)

    def kept(self) -> list[Mapping[str, Any]]:
        lines = map(json.loads, self.path.read_text().splitlines())
        return [line for line in lines if "read" in line]


class SqliteBench:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "reads.db"

    def open(self) -> SqliteStore:
        return SqliteStore(self.path)

    def kept(self) -> list[Mapping[str, Any]]:
        with sqlite3.connect(self.path) as db:
            return [json.loads(text) for (text,) in db.execute("SELECT document FROM plate_read")]


def _memory(_: pytest.FixtureRequest, __: Path) -> Iterator[Bench]:
    yield MemoryBench()


def _jsonl(_: pytest.FixtureRequest, directory: Path) -> Iterator[Bench]:
    yield JsonlBench(directory)


def _sqlite(_: pytest.FixtureRequest, directory: Path) -> Iterator[Bench]:
    yield SqliteBench(directory)


BENCHES: Mapping[str, Callable[[pytest.FixtureRequest, Path], Iterator[Bench]]] = {
    "memory": _memory,
    "jsonl": _jsonl,
    "sqlite": _sqlite,
}
