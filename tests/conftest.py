"""Settings for every suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import postgres

# a busy machine is not a fault of what is tested
settings.register_profile("anpr-edge", deadline=None)
settings.load_profile("anpr-edge")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A real PostgreSQL server, one for all tests that want it."""
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def kafka_brokers() -> Iterator[str]:
    """The brokers of a cluster that librdkafka makes up in this process."""
    kafka = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    cluster = kafka.Producer({"test.mock.num.brokers": 3, "log_level": 2})
    brokers = cluster.list_topics(timeout=30).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    del cluster
