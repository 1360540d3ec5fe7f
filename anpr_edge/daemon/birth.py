"""What a unit says of itself when it comes on line: its software, its models, its policy, its key."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from anpr_edge import __version__
from anpr_edge.policystore import Standing
from anpr_edge.seal.header import FORMAT_VERSION
from anpr_edge.seal.keys import VerifyKey

MODELS: Final = ("detector", "closeup", "recogniser")


def birth(
    models_dir: Path, standing: Standing, verify_key: VerifyKey, groups: Sequence[str]
) -> dict[str, Any]:
    """The `online` status's part beyond its state: versions, and hashes of what decides about reads.

    A model is hashed as its file is now; one that cannot be read has None for a hash, and `why`. `policy` is
    None for a unit whose configuration names its feeds. `groups` are what commands may address it by.
    """
    signed = {"version": standing.policy.version, "sha256": standing.sha256, "refused": standing.refused}
    return {
        "version": __version__,
        "wire_format": FORMAT_VERSION,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "models": {name: model(models_dir, name) for name in MODELS},
        "policy": signed if standing.policy.version else None,
        "verify_key": verify_key.text,
        "groups": sorted(groups),
    }


def model(directory: Path, name: str) -> dict[str, str | None]:
    """One model's version, by its card, and the SHA-256 of its file."""
    try:
        card = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
        content = (directory / str(card["file"])).read_bytes()
        return {"version": str(card["version"]), "sha256": hashlib.sha256(content).hexdigest()}
    except OSError as error:
        return {"version": None, "sha256": None, "why": f"{error.filename}: {error.strerror}"}
    except (ValueError, KeyError, TypeError):
        return {"version": None, "sha256": None, "why": f"{directory / name}.json: no model card"}
