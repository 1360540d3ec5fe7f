"""Writes the vectors anew, the same every time: `python -m tests.vectors.make`."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from tests.vectors.acks import ACKS, AckCase, message
from tests.vectors.bundles import BUNDLES, BundleCase, bundle_blob
from tests.vectors.case import Case
from tests.vectors.cases import CASES
from tests.vectors.chains import CHAINS, Chain, envelopes
from tests.vectors.commands import COMMANDS, CommandCase, command_message
from tests.vectors.keys import seed_of, suite_of
from tests.vectors.recipe import bake
from tests.vectors.signing import verify_key

FOLDER = Path(__file__).parent / "sealed-reads"
CHAINS_FOLDER = Path(__file__).parent / "chains"
ACKS_FOLDER = Path(__file__).parent / "acks"
COMMANDS_FOLDER = Path(__file__).parent / "commands"
BUNDLES_FOLDER = Path(__file__).parent / "bundles"


def base64url(data: bytes) -> str:
    """As in a public key's text: no padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def vector(case: Case) -> dict[str, Any]:
    """What the case's file says."""
    blob = bake(case.recipe)
    made: dict[str, Any] = {
        "vector": 1,
        "name": case.name,
        "about": case.about,
        "topic": case.topic,
        "verify_key": verify_key(case.verify_with),
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


def chain_vector(chain: Chain) -> dict[str, Any]:
    """What the chain's file says."""
    return {
        "chain": 1,
        "name": chain.name,
        "about": chain.about,
        "verify_key": verify_key(),
        "expect": list(chain.expect),
        "missing": [list(gap) for gap in chain.missing],
        "restarts": list(chain.restarts),
        "envelopes": [base64url(blob) for blob in envelopes(chain)],
    }


def ack_vector(case: AckCase) -> dict[str, Any]:
    """What the acknowledgement's file says."""
    made: dict[str, Any] = {
        "ack": 1,
        "name": case.name,
        "about": case.about,
        "verify_key": verify_key(case.verify_with),
        "expect": case.expect,
        "message": base64url(message(case)),
    }
    if case.expect == "opens":
        made["fields"] = {str(label): as_text(value) for label, value in case.fields.items()}
    return made


def command_vector(case: CommandCase) -> dict[str, Any]:
    """What the command's file says."""
    made: dict[str, Any] = {
        "command": 1,
        "name": case.name,
        "about": case.about,
        "verify_key": verify_key(case.verify_with),
        "expect": case.expect,
        "message": base64url(command_message(case)),
    }
    if case.expect == "opens":
        made["fields"] = {str(label): as_text(value) for label, value in case.fields.items()}
    return made


def bundle_vector(case: BundleCase) -> dict[str, Any]:
    """What the bundle's file says."""
    made: dict[str, Any] = {
        "bundle": 1,
        "name": case.name,
        "about": case.about,
        "verify_key": verify_key(case.verify_with),
        "expect": case.expect,
        "file": base64url(bundle_blob(case)),
    }
    if case.expect == "opens":
        made["members"] = {name: base64url(content) for name, content in case.files.items()}
    return made


def as_text(value: object) -> object:
    """Whole numbers as text, which every language reads without loss, in lists too; bytes as ever."""
    if isinstance(value, list | tuple):
        return [as_text(item) for item in value]
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    return base64url(value) if isinstance(value, bytes) else str(value)


def plain(value: object) -> object:
    """A record's value as JSON has it: bytes as base64url."""
    return base64url(value) if isinstance(value, bytes) else value


def text(case: Case) -> str:
    """The case's file."""
    return _json(vector(case))


def chain_text(chain: Chain) -> str:
    """The chain's file."""
    return _json(chain_vector(chain))


def ack_text(case: AckCase) -> str:
    """The acknowledgement's file."""
    return _json(ack_vector(case))


def command_text(case: CommandCase) -> str:
    """The command's file."""
    return _json(command_vector(case))


def bundle_text(case: BundleCase) -> str:
    """The bundle's file."""
    return _json(bundle_vector(case))


def _json(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content)


def main() -> None:
    _write(FOLDER, {case.name: text(case) for case in CASES})
    _write(ACKS_FOLDER, {case.name: ack_text(case) for case in ACKS})
    _write(COMMANDS_FOLDER, {case.name: command_text(case) for case in COMMANDS})
    _write(BUNDLES_FOLDER, {case.name: bundle_text(case) for case in BUNDLES})
    _write(CHAINS_FOLDER, {chain.name: chain_text(chain) for chain in CHAINS})


if __name__ == "__main__":
    main()
