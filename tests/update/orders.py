"""Signed orders to update, as a unit of the fleet `demo` gets them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from random import Random
from typing import Any

from anpr_edge.daemon.commandjudge import Identity
from anpr_edge.seal.commands import Command, sign_command
from anpr_edge.seal.keys import SigningKey
from tests.update.web import BUNDLE_PATH

KEY = SigningKey.generate()
IDENTITY = Identity("demo", "unit-0001", ("pilot",), KEY.public)
CONTENT = Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CORRELATION = b"corr"


def order(**changes: Any) -> Command:
    now_s = time.time_ns() // 10**9
    arguments: dict[str, str | int] = {
        "version": "1.1.0",
        "sha256": SHA256,
        "size": len(CONTENT),
        "path": BUNDLE_PATH,
    }
    command = Command("demo", (), ("pilot",), now_s, bytes(16), now_s, now_s + 600, "update", arguments)
    return replace(command, **changes)


def with_arguments(**changes: Any) -> bytes:
    command = order()
    return sign_command(replace(command, arguments={**command.arguments, **changes}), KEY)
