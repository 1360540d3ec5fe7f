"""What a vector is, and how its one fault is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.vectors.recipe import Recipe

HYBRID = "hybrid one"
TPM = "tpm unit"
MIXED = ("recipient one", HYBRID)
TOPIC = "anpr/v1/london/unit-0042/reads/charging"


@dataclass(frozen=True)
class Case:
    """One file: what is in it, and what a reader must do: "opens", or the kind of its refusal."""

    name: str
    about: str
    expect: str
    recipe: Recipe
    topic: str = TOPIC
    opens_with: str = "recipient one"
    verify_with: str = "unit"


def flipped(data: bytes, at: int) -> bytes:
    """One bit changed."""
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def without(values: dict[int, Any], key: int) -> dict[int, Any]:
    """A map without one of its keys."""
    return {k: v for k, v in values.items() if k != key}


def nth(index: int, new: Any) -> Any:
    """Replace one item of a list, by a value or by a function of the old one."""

    def bend(items: list[Any]) -> list[Any]:
        changed = list(items)
        changed[index] = new(items[index]) if callable(new) else new
        return changed

    return bend


def record(values: dict[int, Any]) -> Recipe:
    """Another record in an envelope that is good otherwise."""
    return Recipe(record=values)
