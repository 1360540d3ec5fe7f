"""Naming a store in one text, as `--store` takes it.

reads.jsonl                          lines of JSON; also jsonl:PATH
sqlite:reads.db                      one SQLite file
postgresql://ROLE@HOST/DATABASE      PostgreSQL; what libpq takes, but no password
kafka://HOST:PORT,…/PREFIX?ledger=FILE[&config=FILE]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from anpr_edge.central.stores import Archive, Store
from anpr_edge.errors import ConfigError, StoreError, UsageError

HINT = "the forms are in anpr-central subscribe --help"
SHARED = ("sqlite:", "postgresql:", "postgres:", "kafka:")


def is_shared(place: str) -> bool:
    """Whether several processes may have this store open."""
    return place.startswith(SHARED)


def is_postgres(place: str) -> bool:
    """Whether it is in PostgreSQL."""
    return place.startswith(("postgresql:", "postgres:"))


def open_store(place: str) -> Store:
    """The store that `place` names.

    Raises: UsageError when it names none; ConfigError, StoreError, StoreUnavailable when it cannot be opened.
    """
    if is_postgres(place):
        from anpr_edge.central.stores.postgres import PostgresStore

        return PostgresStore(place)
    if place.startswith("kafka:"):
        return _kafka(place)
    kind, colon, path = place.partition(":")
    if colon and kind == "sqlite" and path:
        from anpr_edge.central.stores.sqlite import SqliteStore

        return SqliteStore(Path(path))
    if colon and kind != "jsonl" and ("//" in path or not Path(place).parent.is_dir()):
        raise UsageError(f"{place!r}: no store of this kind", hint=HINT)
    from anpr_edge.central.stores.jsonl import JsonlStore

    return JsonlStore(Path(path if kind == "jsonl" and path else place))


def open_archive(place: str) -> Archive:
    """The store that `place` names, to be read from or to forget; never begun anew.

    Raises: as `open_store`; UsageError for Kafka, StoreError when there is no such file.
    """
    if place.startswith("kafka:"):
        raise UsageError(
            f"{place!r}: nothing is read back from Kafka, and its topics have a retention of their own",
            hint="use Kafka's own tools, or keep a second store",
        )
    path = Path(place.removeprefix("jsonl:").removeprefix("sqlite:"))
    if not is_postgres(place) and not path.exists():
        raise StoreError(f"{path}: no such store", hint="name the one that anpr-central subscribe writes")
    store = open_store(place)
    assert isinstance(store, Archive)
    return store


def _kafka(place: str) -> Store:
    from anpr_edge.central.stores.kafka import KafkaStore

    parts = urlsplit(place)
    prefix = parts.path.removeprefix("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    ledger, config = options.pop("ledger", ""), options.pop("config", "")
    if not parts.netloc or not prefix or "/" in prefix or not ledger or options or "@" in parts.netloc:
        raise UsageError(
            f"{place!r}: must be kafka://HOST:PORT,…/PREFIX?ledger=FILE[&config=FILE]", hint=HINT
        )
    return KafkaStore(parts.netloc, prefix, Path(ledger), _settings(Path(config)) if config else {})


def _settings(path: Path) -> Mapping[str, str]:
    """Lines of NAME=VALUE. Raises: ConfigError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    found = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        name, equals, value = line.partition("=")
        if line and not line.startswith("#"):
            if not equals:
                raise ConfigError(f"{path}:{number}: must be NAME=VALUE", hint="the names are librdkafka's")
            found[name.strip()] = value.strip()
    return found
