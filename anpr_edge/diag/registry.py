"""Every check there is, in the order a person would look: what others depend on comes first."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from anpr_edge.diag.checks import (
    board,
    broker,
    camera,
    clock,
    config,
    disk,
    exposure,
    frames,
    gps,
    hangs,
    helpers,
    housing,
    illuminator,
    keys,
    lamp_board,
    lists,
    models,
    moved,
    mqtt,
    outbox,
    policy,
    recipients,
    rtc,
    services,
    sight,
    storage,
    traffic,
    update,
    uplink,
)
from anpr_edge.diag.condition import Check, Condition
from anpr_edge.errors import UsageError

CHECKS: tuple[Check, ...] = (
    config.CHECK,
    clock.CHECK,
    rtc.CHECK,
    board.CHECK,
    hangs.CHECK,
    disk.CHECK,
    storage.CHECK,
    update.CHECK,
    keys.CHECK,
    policy.CHECK,
    lists.CHECK,
    recipients.CHECK,
    models.CHECK,
    camera.CHECK,
    gps.CHECK,
    illuminator.CHECK,
    broker.CHECK,
    services.CHECK,
    services.RESTARTS_CHECK,
    helpers.CHECK,
    uplink.CHECK,
    clock.STEPS_CHECK,
    gps.FIX_CHECK,
    lamp_board.CHECK,
    housing.CHECK,
    frames.CHECK,
    exposure.CHECK,
    models.SPEED_CHECK,
    sight.CHECK,
    moved.CHECK,
    traffic.CHECK,
    outbox.CHECK,
)

ALL_CHECKS: tuple[Check, ...] = (*CHECKS, mqtt.CHECK)
"""With those that do more than look, and so are no part of every examination."""


def find_condition(code: str) -> Condition:
    """The condition called `code`.

    Raises: UsageError naming the nearest one when there is none.
    """
    known = {condition.code: condition for check in ALL_CHECKS for condition in check.conditions}
    if code not in known:
        raise UsageError(f"no condition is called {code}", hint=_nearest(code, list(known)))
    return known[code]


def select(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks with these names, in the registry's order; all of them when none is named.

    Raises: UsageError naming the nearest one when there is no such check.
    """
    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise UsageError(f"no check is called {name}", hint=_nearest(name, known))
    return tuple(check for check in CHECKS if not names or check.name in names)


def _nearest(wanted: str, known: Sequence[str]) -> str:
    close = get_close_matches(wanted, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
