"""Who may write and read which topics (docs/topics.md); each broker's own words for it are made of this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from anpr_edge.errors import UsageError
from anpr_edge.uplink import clientnames, topics

Action = Literal["read", "write", "readwrite"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing a client may do; `kind` is what of a unit's topics it is about, such as `reads/charging`."""

    action: Action
    fleet: str
    kind: str

    def topic(self, unit: str = "+") -> str:
        """The topic filter; `unit` stands where a unit's name does."""
        return f"{topics.ROOT}/{self.fleet}/{unit}/{self.kind}"


def for_units(fleet: str) -> Iterator[Grant]:
    """What every client may do under its own name."""
    for kind in ("reads/+", "status", "health", "policy", "reply/+"):
        yield Grant("write", fleet, kind)
    for kind in ("ack/+", "cmd/+"):
        yield Grant("read", fleet, kind)


def for_clients(
    fleet: str, consumers: Mapping[str, Sequence[str]], commanders: Sequence[str]
) -> Iterator[tuple[str, tuple[Grant, ...]]]:
    """What each consumer and each commander may do with every unit's topics."""
    for consumer, feeds in sorted(consumers.items()):
        yield consumer, tuple(_consumer(fleet, feeds))
    for commander in sorted(commanders):
        yield (
            commander,
            (Grant("write", fleet, "cmd/+"), Grant("read", fleet, "reply/+"), Grant("read", fleet, "status")),
        )


def _consumer(fleet: str, feeds: Sequence[str]) -> Iterator[Grant]:
    for feed in feeds:
        yield Grant("read", fleet, f"reads/{feed}")
        yield Grant("readwrite", fleet, f"ack/{feed}")
    for kind in (*(() if feeds else ("ack/+",)), "status", "health", "policy"):
        yield Grant("read", fleet, kind)


def check_names(fleet: str, consumers: Mapping[str, Sequence[str]], commanders: Sequence[str]) -> None:
    """Refuse what would be more than one topic level. Raises: UsageError."""
    feeds = [feed for feeds in consumers.values() for feed in feeds]
    for name in (fleet, *feeds):
        if not topics.is_name(name):
            raise UsageError(f"{name!r} cannot name a fleet or feed", hint=topics.NAME_HINT)
    for name in (*consumers, *commanders):
        if not clientnames.is_client_name(name):
            raise UsageError(f"{name!r} cannot name a consumer or commander", hint=clientnames.NAME_HINT)
