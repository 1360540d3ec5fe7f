"""What a service says of a command it has judged: one JSON document, the same from both services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from anpr_edge.seal.commands import Command
from anpr_edge.seal.replies import REPLY_SCHEMA
from anpr_edge.seams import Clock

Outcome = Literal["done", "accepted", "failed", "refused"]
"""`done`: it is. `accepted`: it is under way, and another reply follows, or the service ends and begins anew.
`failed`: it was taken and could not be done. `refused`: it was not taken, and `Answer.kind` says for what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a command, in one sentence, with whatever belongs to it."""

    outcome: Outcome
    says: str
    details: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Voice:
    """Replies in the name of one unit's service, `by`."""

    fleet: str
    unit: str
    by: str
    clock: Clock

    def reply(self, command: Command, answer: Answer) -> dict[str, Any]:
        """The reply to a command (docs/commands.md)."""
        now = self.clock.now()
        return {
            "schema": REPLY_SCHEMA,
            "fleet": self.fleet,
            "unit": self.unit,
            "by": self.by,
            "request": command.request.hex(),
            "number": command.number,
            "command": command.name,
            "outcome": answer.outcome,
            "kind": answer.kind,
            "says": answer.says,
            "details": dict(answer.details),
            "utc": datetime.fromtimestamp(now.utc_ns / 1e9, UTC).isoformat(timespec="seconds"),
            "utc_error_ms": now.utc_error_ms,
        }
