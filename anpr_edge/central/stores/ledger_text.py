"""A feed's ledger as text, for the stores that keep it beside the reads.

    {"runs": [[first, previous, last, hash, gap_since_ns], …], "breaks": 0}

Numbers come in runs without a hole; `previous` is the hash the first read names before itself, `hash` the
last one's own (hexadecimal).
"""

from __future__ import annotations

import json
from typing import Any

from anpr_edge.central.dedupe import LedgerState, RunState


def to_object(state: LedgerState) -> dict[str, Any]:
    """The object that stands for a ledger."""
    runs = [[run.first, run.previous.hex(), run.last, run.hash.hex(), run.gap_since_ns] for run in state.runs]
    return {"runs": runs, "breaks": state.breaks}


def from_object(found: Any) -> LedgerState:
    """The ledger again. Raises: ValueError, KeyError or TypeError when it is not one."""
    runs = [
        RunState(int(first), bytes.fromhex(previous), int(last), bytes.fromhex(hash_), int(since))
        for first, previous, last, hash_, since in found["runs"]
    ]
    return LedgerState(runs, int(found["breaks"]))


def to_text(state: LedgerState) -> str:
    """The ledger as JSON."""
    return json.dumps(to_object(state), separators=(",", ":"))


def from_text(text: str) -> LedgerState:
    """The ledger again. Raises: ValueError, KeyError or TypeError when it is not one."""
    return from_object(json.loads(text))
