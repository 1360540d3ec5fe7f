"""What only root may do says so, wherever on its way an ordinary user is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anpr_edge.errors import AnprError, reason


@contextmanager
def needing_root() -> Iterator[None]:
    """Turn a missing right into words. Raises: AnprError."""
    try:
        yield
    except PermissionError as error:
        raise AnprError(f"{error.filename or 'here'}: {reason(error)}", hint="run it as root: sudo") from None
