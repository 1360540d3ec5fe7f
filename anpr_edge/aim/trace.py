"""What was done by the page, in the unit's audit log: that it was open, for how long, and what it changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from anpr_edge import auditlog
from anpr_edge.seams import Clock

BEGUN: Final = "aim-begun"
ENTERED: Final = "aim-entered"
REFUSED: Final = "aim-refused"
SAVED: Final = "aim-saved"
COMMISSIONED: Final = "aim-commissioned"
ENDED: Final = "aim-ended"


class Trace:
    """Enters what happens. Who used the page is not known here, and not entered."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._state_dir = state_dir
        self._clock = clock

    def enter(self, event: str, **details: Any) -> None:
        """Add one entry, taking turns with whoever else writes the log.

        Raises: AnprError when it cannot be written.
        """
        with auditlog.in_turn(self._state_dir):
            auditlog.append(
                self._state_dir / auditlog.AUDIT_FILE, self._clock.now().utc_ns, event, dict(details)
            )
