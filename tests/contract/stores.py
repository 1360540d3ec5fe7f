"""Every store there is, as the contract suite opens it, and what it holds as others would read it."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from anpr_edge.central.documents import read_document
from anpr_edge.central.stores import Store
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.central.stores.kafka import KafkaStore
from anpr_edge.central.stores.postgres import PostgresStore
from anpr_edge.central.stores.postgres_connection import Connection
from anpr_edge.central.stores.postgres_schema import migrate
from anpr_edge.central.stores.sqlite import SqliteStore
from tests.central_fakes import MemoryStore
from tests.postgres import Server
from tests.sealed_reads import FEED


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


class PostgresBench:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.url = server.new_database()
        connection = Connection(self.url)
        migrate(connection)
        connection.close()

    def open(self) -> PostgresStore:
        return PostgresStore(self.url)

    def kept(self) -> list[Mapping[str, Any]]:
        database = self.url.rpartition("/")[2]
        return [row for (row,) in self._server.sql(database, "SELECT document FROM anpr.plate_read")]


def _postgres(request: pytest.FixtureRequest, _: Path) -> Iterator[Bench]:
    yield PostgresBench(request.getfixturevalue("postgres_server"))


class KafkaBench:
    """A cluster that librdkafka makes up; a store of ours beside a consumer that knows nothing of it."""

    def __init__(self, brokers: str, directory: Path) -> None:
        self.brokers = brokers
        self.ledger = directory / "ledger.db"
        self.prefix = f"anpr-{uuid.uuid4().hex[:8]}"

    def open(self, send_within_s: float = 15.0) -> KafkaStore:
        return KafkaStore(self.brokers, self.prefix, self.ledger, {}, send_within_s=send_within_s)

    def kept(self) -> list[Mapping[str, Any]]:
        return [json.loads(value) for _, value in self.messages(f"{self.prefix}.{FEED}")]

    def messages(self, topic: str) -> list[tuple[str, str]]:
        """Key and value of all messages of a topic."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "test", "log_level": 2})
        found = []
        try:
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
                place = TopicPartition(topic, partition, 0)
                _, end = consumer.get_watermark_offsets(place, timeout=10)
                if end == 0:
                    continue
                consumer.assign([place])
                for _ in range(end):
                    (message,) = consumer.consume(1, timeout=10)
                    assert message.error() is None
                    found.append(((message.key() or b"").decode(), (message.value() or b"").decode()))
        finally:
            consumer.close()
        return found


def _kafka(request: pytest.FixtureRequest, directory: Path) -> Iterator[Bench]:
    yield KafkaBench(request.getfixturevalue("kafka_brokers"), directory)


BENCHES: Mapping[str, Callable[[pytest.FixtureRequest, Path], Iterator[Bench]]] = {
    "kafka": _kafka,
    "memory": _memory,
    "jsonl": _jsonl,
    "postgres": _postgres,
    "sqlite": _sqlite,
}
