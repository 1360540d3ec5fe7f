"""Is every list of vehicles that a feed waits for here, and in date?"""

from __future__ import annotations

import os
from collections.abc import Iterator

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, not_checked, ok
from anpr_edge.diag.nodes import AS_ROOT
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import KeyFileError, PolicyError
from anpr_edge.seal.policy.model import utc_text
from anpr_edge.unitpolicy import OPEN_KEY, in_force, list_store

LISTS = Condition(
    code="lists",
    title="Every list of vehicles that a feed waits for is here and in date",
    severity=Severity.READS,
    explanation=(
        "A feed that gets matches of a list alone gets nothing while it is missing or expired. Lists come "
        "sealed to this unit's own key, from the keeper that the policy names: `anpr-edge list load FILE`."
    ),
    depends_on=("config", "policy"),
    next_step="ask its keeper for a newer one: anpr-edge list load FILE",
)


def run(subject: Subject) -> Iterator[Finding]:
    """One finding: the first list that is missing or over, else all of them."""
    config = subject.config
    try:
        store = list_store(config, in_force(config))
        if store is None:
            yield ok(LISTS, "no feed waits for one")
            return
        held = {name: store.held(name) for name in sorted(store.keepers)}
    except PermissionError:
        yield not_checked(LISTS, f"{config.unit.state_dir}: this user may not look", next_step=AS_ROOT)
        return
    except (KeyFileError, PolicyError) as error:
        key = config.unit.keys_dir / OPEN_KEY
        if isinstance(error, KeyFileError) and key.exists() and not os.access(key, os.R_OK):
            yield not_checked(LISTS, f"{key}: this user may not read it", next_step=AS_ROOT)
            return
        yield fail(
            LISTS, str(error), next_step=f"anpr-edge init makes {key}; the keeper needs its public half"
        )
        return
    for name, one in held.items():
        if one is None or subject.clock.now().utc_ns >= one.until_utc_s * 10**9:
            lacks = "missing" if one is None else f"expired at {utc_text(one.until_utc_s)}"
            step = "ask its keeper for a newer one: anpr-edge list load FILE"
            yield fail(LISTS, f"list {name}: {lacks}", next_step=step)
            return
    words = [
        f"{name}: revision {one.revision}, {len(one.entries)} entries" for name, one in held.items() if one
    ]
    yield ok(LISTS, "; ".join(words))


CHECK = Check("lists", (LISTS,), run)
