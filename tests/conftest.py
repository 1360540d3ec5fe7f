"""Settings for every suite."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import made_up_kafka, postgres

# a busy machine is not a fault of what is tested
settings.register_profile("anpr-edge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anpr-edge")

_DEFAULT_ENVIRONMENT = ctypes.c_void_p(-1)
"""`FE_DFL_ENV` of the C library's fenv.h."""
SLOWNESS = float(os.environ.get("ANPR_TEST_SLOWNESS", "1"))
"""How much longer than usual a test may take: `scripts/test --arm64` sets it, for an emulated processor."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stretch every test's time limit."""
    if SLOWNESS == 1:
        return
    for item in items:
        own = item.get_closest_marker("timeout")
        limit_s = float(own.args[0] if own and own.args else config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(SLOWNESS * limit_s), append=False)


@pytest.fixture(autouse=True)
def subnormals_as_ever() -> None:
    """On ARM some library now and then leaves its thread taking the least numbers for zero: no hypothesis."""
    ctypes.CDLL(None).fesetenv(_DEFAULT_ENVIRONMENT)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A program that ran in this process leaves no handler behind: its stderr ends with its test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for left in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(left)
    root.setLevel(level)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A real PostgreSQL server, one for all tests that want it."""
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def kafka_brokers() -> Iterator[str]:
    """The brokers of a cluster that librdkafka makes up."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    with made_up_kafka.running() as brokers:
        yield brokers
