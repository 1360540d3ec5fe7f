"""Writes the vectors anew, the same every time: `python -m tests.vectors.make`."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.cases import CASES, Case
from tests.vectors.keys import seed_of, suite_of
from tests.vectors.recipe import bake

FOLDER = Path(__file__).parent / "sealed-reads"


def base64url(data: bytes) -> str:
    """As in a public key's text: no padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def vector(case: Case) -> dict[str, Any]:
    """What the case's file says."""
    blob = bake(case.recipe)
    public = Ed25519PrivateKey.from_private_bytes(seed_of("unit")).public_key().public_bytes_raw()
    made: dict[str, Any] = {
        "vector": 1,
        "name": case.name,
        "about": case.about,
        "topic": case.topic,
        "verify_key": f"ed25519:{base64url(public)}",
        "opens_with": case.opens_with,
        "opens_with_suite": suite_of(case.opens_with),
        "opens_with_private_key": base64url(seed_of(case.opens_with)),
        "expect": case.expect,
        "envelope": base64url(blob),
    }
    if case.expect == "opens":
        made["hash"] = hashlib.sha256(blob).hexdigest()
        made["record"] = {str(key): plain(value) for key, value in case.recipe.record.items()}
    return made


def plain(value: object) -> object:
    """A record's value as JSON has it: bytes as base64url."""
    return base64url(value) if isinstance(value, bytes) else value


def text(case: Case) -> str:
    """The case's file."""
    return json.dumps(vector(case), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for case in CASES:
        (FOLDER / f"{case.name}.json").write_text(text(case))


if __name__ == "__main__":
    main()
