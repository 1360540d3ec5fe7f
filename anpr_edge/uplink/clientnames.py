"""The names by which the broker knows its clients: a certificate's, and those of units that have none yet."""

from __future__ import annotations

from anpr_edge.uplink import topics

ENROLLING = "enrol."
"""How the broker's user name of a unit without a certificate begins; no certificate's name may begin so."""

NAME_HINT = f"{topics.NAME_HINT}; not beginning with '{ENROLLING}', as units without a certificate do"


def is_client_name(text: str) -> bool:
    """Whether `text` can be in a certificate, for the broker to know its holder by."""
    return topics.is_name(text) and not text.startswith(ENROLLING)


def enrol_user(unit: str) -> str:
    """By what name the broker knows a unit without a certificate, which shows it a password instead."""
    return f"{ENROLLING}{unit}"
