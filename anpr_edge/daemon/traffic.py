"""How many bytes the uplink has put on the wire today, and how many it may."""

from __future__ import annotations

from typing import Final

from anpr_edge.dailycounts import DailyCounts
from anpr_edge.uplink.meter import Wire

LINK: Final = "link"
"""Under this name the bytes of a day are counted: `counts-link.json` in the state directory."""

NEARLY: Final = 0.8
"""From this share of the day's budget on only what cannot wait goes out: a fifth is left for live reads."""


UPDATES: Final = 0.5
"""Up to this share of the day's budget an ordered update may be fetched; then it waits for the next day."""


class Traffic:
    """Adds up what a link has carried since midnight UTC; a restart goes on with the day's count.

    `limit_bytes` None: the link is not metered.
    """

    def __init__(self, counts: DailyCounts, limit_bytes: int | None) -> None:
        self._counts = counts
        self._limit_bytes = limit_bytes
        self._seen = Wire()

    def update(self, carried: Wire) -> None:
        """Count what was carried since the last call; `carried` is the sum since the start."""
        more = carried - self._seen
        for name, count in (("sent", more.sent), ("received", more.received)):
            if count > 0:
                self._counts.add(LINK, name, count)
        self._seen = carried

    def save(self, *, closing: bool = False) -> None:
        """Write the day's count when a minute has passed since the last time, or at the end."""
        self._counts.close() if closing else self._counts.save_if_due()

    @property
    def today_bytes(self) -> int:
        """Both ways, since midnight UTC by the clock."""
        return sum(self._counts.today(LINK).values())

    def is_nearly_spent(self) -> bool:
        """Whether the day's budget has to be saved for live reads."""
        return self._limit_bytes is not None and self.today_bytes >= NEARLY * self._limit_bytes

    def has_room_for_updates(self) -> bool:
        """Whether the day's budget has something left that neither live reads nor the backlog need."""
        return self._limit_bytes is None or self.today_bytes < UPDATES * self._limit_bytes

    def state(self) -> dict[str, object]:
        """The `traffic` part of the service's state."""
        used = self.today_bytes
        if self._limit_bytes is None:
            budget = "none"
        elif used >= self._limit_bytes:
            budget = "spent"
        else:
            budget = "saving" if self.is_nearly_spent() else "free"
        return {"today_bytes": used, "limit_bytes": self._limit_bytes, "budget": budget}
