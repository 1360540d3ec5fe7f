"""The lists of vehicles of interest as the reader holds them: in memory, and never going back."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from anpr_edge.liststore import ListStore
from anpr_edge.seal.lists import WatchList
from anpr_edge.seal.policy.model import utc_text
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
"""How soon a list that was loaded counts."""


class WatchLists:
    """Holds every list that the store's policy names, and looks for newer revisions while reads come."""

    def __init__(self, store: ListStore, clock: Clock, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._store = store
        self._clock = clock
        self._every_ns = round(look_every_s * 1e9)
        self._held: dict[str, WatchList] = {}
        self._seen: frozenset[str] = frozenset()
        self._look()

    def has(self, name: str, folded: str, utc_ns: int) -> bool:
        """Whether a plate, its look-alike characters made one, is on the list of this name."""
        if self._clock.now().mono_ns >= self._look_at_ns:
            self._look()
        held = self._held.get(name)
        return held is not None and held.has(folded, utc_ns)

    def state(self) -> Mapping[str, object]:
        """Revision, length and end of each list that is held; None of one that is missing."""
        return {name: self._state_of(self._held.get(name)) for name in self._store.keepers}

    def _state_of(self, held: WatchList | None) -> Mapping[str, object] | None:
        if held is None:
            return None
        expired = self._clock.now().utc_ns >= held.until_utc_s * 10**9
        until = utc_text(held.until_utc_s)
        return {"revision": held.revision, "entries": len(held.entries), "until": until, "expired": expired}

    def _look(self) -> None:
        self._look_at_ns = self._clock.now().mono_ns + self._every_ns
        files = self._store.files()
        if files == self._seen:
            return
        self._seen = files
        for name in self._store.keepers:
            found, held = self._store.held(name), self._held.get(name)
            if found is not None and (held is None or found.revision > held.revision):
                self._held[name] = found
                log.info("list %s: revision %d, %d entries", name, found.revision, len(found.entries))
