"""Looks at files and device nodes that a configuration names, without opening them."""

from __future__ import annotations

import os
from pathlib import Path

from anpr_edge.diag.condition import Condition, Finding, fail, not_checked

AS_ROOT = "run it as root: sudo anpr-edge doctor"


def look(condition: Condition, path: Path, *, next_step: str) -> os.stat_result | Finding:
    """What is at `path`; the finding, with this next step, when there is nothing or it may not be seen."""
    try:
        return path.stat()
    except PermissionError:
        return not_checked(condition, f"{path}: this user may not look", next_step=AS_ROOT)
    except FileNotFoundError:
        return fail(condition, f"{path}: there is no such thing", next_step=next_step)
    except OSError as error:
        return fail(condition, f"{path}: {error.strerror}", next_step=next_step)
