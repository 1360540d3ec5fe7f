"""Vectors of several reads each: what a reader must say of numbers and chain, in order of arrival.

A chain is made of links: a number, and what the read names as the one before it. `~` marks another read
under the same number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.vectors.recipe import RECORD, Recipe, bake

START = bytes(32)
STRANGER = hashlib.sha256(b"a read nobody has").digest()
EPOCH = 2**40


@dataclass(frozen=True)
class Chain:
    """One file: reads as they arrive, what each is, and what is known at the end."""

    name: str
    about: str
    arrivals: tuple[str, ...]
    expect: tuple[str, ...]
    missing: tuple[tuple[int, int], ...] = ()
    restarts: tuple[int, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    """Of reads that do not follow the one before them: `start`, `stranger`, or the read they name."""


def envelopes(chain: Chain) -> list[bytes]:
    """The reads of a chain, as they arrive."""
    made: dict[str, bytes] = {}
    for name in chain.arrivals:
        _make(name, chain, made)
    return [made[name] for name in chain.arrivals]


def _make(name: str, chain: Chain, made: dict[str, bytes]) -> bytes:
    if name not in made:
        seq = int(name.rstrip("~"))
        follows = chain.links.get(name, str(seq - 1) if seq > 1 else "start")
        record = {**RECORD, 7: 9} if name.endswith("~") else RECORD
        made[name] = bake(Recipe(seq=seq, previous=_previous(follows, chain, made), record=record))
    return made[name]


def _previous(follows: str, chain: Chain, made: dict[str, bytes]) -> bytes:
    if follows == "start":
        return START
    if follows == "stranger":
        return STRANGER
    return hashlib.sha256(_make(follows, chain, made)).digest()


NEW, REPEAT, CONFLICT, BREAK = "new", "repeat", "conflict", "break"

CHAINS = (
    Chain("good-in-order", "Three reads in order.", ("1", "2", "3"), (NEW, NEW, NEW)),
    Chain(
        "good-live-before-backlog",
        "The newest first, then what waited.",
        ("4", "1", "2", "3"),
        (NEW, NEW, NEW, NEW),
    ),
    Chain("replay", "A read a second time.", ("1", "2", "2"), (NEW, NEW, REPEAT)),
    Chain("replay-old", "The first read again, after others.", ("1", "2", "3", "1"), (NEW, NEW, NEW, REPEAT)),
    Chain(
        "gap",
        "Two reads and one are missing.",
        ("1", "4", "6"),
        (NEW, NEW, NEW),
        missing=((2, 3), (5, 5)),
    ),
    Chain(
        "gap-at-the-start",
        "Nothing came before the third read.",
        ("3", "4"),
        (NEW, NEW),
        missing=((1, 2),),
    ),
    Chain(
        "break-previous",
        "The second read names another one before it than the first.",
        ("1", "2", "3"),
        (NEW, BREAK, NEW),
        links={"2": "stranger"},
    ),
    Chain(
        "break-replaced",
        "Another read in the place of the second, which the third does not follow.",
        ("1", "2~", "3"),
        (NEW, NEW, BREAK),
        links={"2~": "1"},
    ),
    Chain(
        "break-replaced-last",
        "The same, arriving last.",
        ("1", "3", "2~"),
        (NEW, NEW, BREAK),
        links={"2~": "1"},
    ),
    Chain(
        "break-start-in-the-middle",
        "A chain that begins anew without leaving numbers out.",
        ("1", "2", "3"),
        (NEW, NEW, BREAK),
        links={"3": "start"},
    ),
    Chain(
        "conflict",
        "Two reads under one number.",
        ("1", "2", "2~"),
        (NEW, NEW, CONFLICT),
        links={"2~": "1"},
    ),
    Chain(
        "conflict-first",
        "The unit's numbers began again where they had begun: it was wiped, or copied.",
        ("1", "2", "1~"),
        (NEW, NEW, CONFLICT),
        links={"1~": "start"},
    ),
    Chain(
        "restart",
        "The outbox was lost: a new chain in the next epoch, and no gap.",
        ("1", "2", str(EPOCH + 3), str(EPOCH + 4)),
        (NEW, NEW, NEW, NEW),
        restarts=(EPOCH + 3,),
        links={str(EPOCH + 3): "start"},
    ),
    Chain(
        "restart-twice",
        "Lost a second time before anything else was sent.",
        ("1", str(EPOCH + 3), str(2 * EPOCH + 4)),
        (NEW, NEW, NEW),
        restarts=(EPOCH + 3, 2 * EPOCH + 4),
        links={str(EPOCH + 3): "start", str(2 * EPOCH + 4): "start"},
    ),
    Chain(
        "restart-before-its-backlog",
        "The second read of the new chain before its first.",
        ("1", str(EPOCH + 3), str(EPOCH + 2)),
        (NEW, NEW, NEW),
        restarts=(EPOCH + 2,),
        links={str(EPOCH + 2): "start"},
    ),
    Chain(
        "restart-unseen-before",
        "Nothing of the epoch before has come: the number alone tells that there was one.",
        (str(EPOCH + 3), str(EPOCH + 4)),
        (NEW, NEW),
        restarts=(EPOCH + 3,),
        links={str(EPOCH + 3): "start"},
    ),
    Chain(
        "restart-without-its-beginning",
        "The first read of the new epoch has not come: where its numbers began nobody can tell.",
        ("1", "2", str(EPOCH + 5)),
        (NEW, NEW, NEW),
        missing=((EPOCH + 1, EPOCH + 4),),
        links={str(EPOCH + 5): "stranger"},
    ),
    Chain(
        "restart-wiped",
        "The unit lost its outbox and all marks: a second chain begins in the same epoch.",
        ("100", "101", "5000", "5001"),
        (NEW, NEW, NEW, NEW),
        restarts=(5000,),
        links={"100": "start", "5000": "start"},
    ),
    Chain(
        "good-random-start",
        "A feed begins to count somewhere: no gap below, no new chain.",
        ("3000000002", "3000000001", "3000000000"),
        (NEW, NEW, NEW),
        links={"3000000000": "start"},
    ),
    Chain(
        "restart-with-a-gap",
        "A gap in the old chain stays one; the skipped numbers are none.",
        ("1", "3", str(EPOCH + 4), str(EPOCH + 6)),
        (NEW, NEW, NEW, NEW),
        missing=((2, 2), (EPOCH + 5, EPOCH + 5)),
        restarts=(EPOCH + 4,),
        links={str(EPOCH + 4): "start"},
    ),
)
