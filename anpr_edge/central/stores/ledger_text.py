"""A feed's ledger as text, for the stores that keep it beside the reads.

    {"runs": [[first, previous, last, hash, gap_since_ns], …], "breaks": 0, "lost": [[first, last, cause], …]}

Numbers come in runs without a hole; `previous` is the hash the first read names before itself, `hash` the
last one's own (hexadecimal). `lost` is what the unit said will never come.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from anpr_edge.central.dedupe import LedgerState, RunState
from anpr_edge.records import Loss, LossCause


def to_object(state: LedgerState) -> dict[str, Any]:
    """The object that stands for a ledger."""
    runs = [[run.first, run.previous.hex(), run.last, run.hash.hex(), run.gap_since_ns] for run in state.runs]
    return {"runs": runs, "breaks": state.breaks, "lost": losses_to_list(state.lost)}


def from_object(found: Any) -> LedgerState:
    """The ledger again. Raises: ValueError, KeyError or TypeError when it is not one."""
    runs = [
        RunState(int(first), bytes.fromhex(previous), int(last), bytes.fromhex(hash_), int(since))
        for first, previous, last, hash_, since in found["runs"]
    ]
    return LedgerState(runs, int(found["breaks"]), losses_from_list(found["lost"]))


def losses_to_list(lost: Sequence[Loss]) -> list[list[Any]]:
    """Lost ranges as lists."""
    return [[loss.first, loss.last, loss.cause.value] for loss in lost]


def losses_from_list(found: Any) -> tuple[Loss, ...]:
    """Lost ranges again. Raises: ValueError or TypeError when they are none."""
    return tuple(Loss(int(first), int(last), LossCause(cause)) for first, last, cause in found)


def to_text(state: LedgerState) -> str:
    """The ledger as JSON."""
    return json.dumps(to_object(state), separators=(",", ":"))


EMPTY = to_text(LedgerState())
"""The ledger of a feed that has sent nothing yet."""


def from_text(text: str) -> LedgerState:
    """The ledger again. Raises: ValueError, KeyError or TypeError when it is not one."""
    return from_object(json.loads(text))
