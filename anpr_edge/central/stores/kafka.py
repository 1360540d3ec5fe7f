"""Reads to Kafka: a topic a feed, the key is unit and feed, so that one unit's reads stay in one partition.

Kafka is only where reads go. Which numbers went there a ledger beside it knows, a `SqliteStore` that all
processes of this machine share. A batch waits for every delivery report, acks=all, before its ledger is
committed: a process that is killed in between sends its batch again. So Kafka may hold a read twice (never
none of it); `hash` in the message's headers is the same then, and says so to who reads.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.central.dedupe import FeedKey, FeedLedger
from anpr_edge.central.documents import SCHEMA, read_document, refusal_document
from anpr_edge.central.stores import Batch, Item, StoredRead
from anpr_edge.central.stores.rows import number_of
from anpr_edge.central.stores.sqlite import SqliteStore
from anpr_edge.errors import ConfigError, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

SEND_WITHIN_S = 15.0
"""How long a message may take; below what other processes wait for the ledger meanwhile (`sqlite.WAIT_S`)."""

REFUSED_TOPIC = "refused"

OURS = {
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 0,
    "log_level": 2,
}
"""Producer settings nobody else sets. Source: librdkafka CONFIGURATION.md."""

HINTS = {
    "UNKNOWN_TOPIC_OR_PART": "create the topic: the cluster does not make topics by itself",
    "_UNKNOWN_TOPIC": "create the topic: the cluster does not make topics by itself",
    "_MSG_TIMED_OUT": "are the brokers up, and do they speak what the settings say (TLS, SASL)?",
    "TOPIC_AUTHORIZATION_FAILED": "give this user the right to write to the topic",
    "_AUTHENTICATION": "look at user and password in the file of settings",
    "MSG_SIZE_TOO_LARGE": "raise max.message.bytes of the topic to 200000",
}

HOPELESS = {
    "TOPIC_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "_AUTHENTICATION",
    "MSG_SIZE_TOO_LARGE",
}


class KafkaStore:
    """`brokers` as host:port, comma between; topics are PREFIX.FEED and PREFIX.refused.

    `settings` are librdkafka's, for TLS and SASL. Raises: StoreError when confluent-kafka is not installed
    or the ledger cannot be opened, ConfigError for settings that cannot be.
    """

    def __init__(
        self,
        brokers: str,
        prefix: str,
        ledger: Path,
        settings: Mapping[str, str],
        *,
        send_within_s: float = SEND_WITHIN_S,
    ) -> None:
        self._brokers = brokers
        self._prefix = prefix
        self._within_s = send_within_s
        ours = {**OURS, "bootstrap.servers": brokers, "message.timeout.ms": round(send_within_s * 1000)}
        self._settings = {**settings, **ours}
        self._producer: Producer | None = self._new_producer()
        self._ledger = SqliteStore(ledger)

    @contextmanager
    def batch(self, keys: Collection[FeedKey]) -> Iterator[Batch]:
        """A block whose items are with Kafka, and whose ledgers are committed, when it ends."""
        with self._ledger.batch(keys) as inner:
            batch = Batch(inner.ledgers)
            yield batch
            self._send(batch.items)
            for item in batch.items:
                number = number_of(item)
                if number is not None:
                    day = datetime.fromtimestamp(item.received_utc_ns / 1e9, UTC).date()
                    self._ledger.keep_number(*number, day)

    def ledgers(self, keys: Collection[FeedKey] | None = None) -> Mapping[FeedKey, FeedLedger]:
        """How the feeds stand now."""
        return self._ledger.ledgers(keys)

    def close(self) -> None:
        """Let go of the brokers and the ledger; harmless when called twice."""
        self._producer = None
        self._ledger.close()

    def _send(self, items: Sequence[Item]) -> None:
        """Send all, and wait until the brokers have them. Raises: StoreUnavailable, StoreError."""
        if not items:
            return
        producer = self._producer or self._new_producer()
        self._producer = producer
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error)

        try:
            for item in items:
                producer.produce(**_message(item, self._prefix), on_delivery=delivered)
            unanswered = producer.flush(self._within_s + 1.0)
        except BufferError as error:
            self._producer = None
            raise StoreUnavailable(f"kafka {self._brokers}: {error}") from error
        if failed or unanswered:
            self._producer = None  # a new one has no memory of what failed, and nothing left to send
            raise self._in_words(failed[0] if failed else None)

    def _new_producer(self) -> Producer:
        try:
            from confluent_kafka import KafkaException, Producer
        except ImportError as error:
            raise StoreError(
                "confluent-kafka is not installed: no store in Kafka", hint="pip install 'anpr-edge[kafka]'"
            ) from error
        try:
            return Producer(self._settings)
        except KafkaException as error:
            raise ConfigError(
                f"kafka {self._brokers}: {error.args[0].str()}", hint="the names are librdkafka's"
            ) from error

    def _in_words(self, error: KafkaError | None) -> StoreError:
        if error is None:
            return StoreUnavailable(f"kafka {self._brokers}: no answer for {self._within_s:.0f} s")
        words = f"kafka {self._brokers}: {error.str()} ({error.name()})"
        kind = StoreError if error.name() in HOPELESS else StoreUnavailable
        return kind(words, hint=HINTS.get(error.name(), ""))


def _message(item: Item, prefix: str) -> dict[str, Any]:
    if isinstance(item, StoredRead):
        envelope = item.opened.envelope
        document = read_document(item.opened, item.link, item.received_utc_ns)
        return {
            "topic": f"{prefix}.{envelope.feed}",
            "key": f"{envelope.unit}/{envelope.feed}".encode(),
            "value": _bytes(document),
            "headers": [("schema", str(SCHEMA).encode()), ("hash", item.link.hash.hex().encode())],
        }
    return {
        "topic": f"{prefix}.{REFUSED_TOPIC}",
        "key": item.topic.encode(),
        "value": _bytes(refusal_document(item)),
    }


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
