"""A Kafka cluster for tests that librdkafka makes up, in a process of its own: its crash ends no test run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BROKERS = 3
READY_WITHIN_S = 30.0


@contextmanager
def running() -> Iterator[str]:
    """Where its brokers listen, as HOST:PORT,HOST:PORT; it ends with the block."""
    command = [sys.executable, "-m", __name__]
    cluster = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert cluster.stdout is not None
    try:
        brokers = cluster.stdout.readline().strip()
        assert brokers, f"no cluster was made: its process ended with {cluster.wait()}"
        yield brokers
    finally:
        cluster.kill()
        cluster.communicate()


def main() -> None:
    """Make the cluster up, say where it is, and keep it until whoever wanted it is gone."""
    import confluent_kafka as kafka

    cluster = kafka.Producer({"test.mock.num.brokers": BROKERS, "log_level": 2})
    brokers = cluster.list_topics(timeout=READY_WITHIN_S).brokers.values()
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
