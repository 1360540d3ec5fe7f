"""One look at the camera on its way: facts as JSON, and a picture that may be looked at.

The eye writes parcels to the page's server, and the server to the browser, in the same form: the lengths of
both parts, 4 bytes each, big-endian, then the parts.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from anpr_edge.errors import AnprError

LENGTHS: Final = struct.Struct(">II")
LONGEST_BYTES: Final = 4_000_000
"""More than any picture of 480 px takes: a longer parcel is none of ours."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What was measured in one frame, and the frame as it may be shown (JPEG; empty where there is none)."""

    facts: Mapping[str, Any]
    picture: bytes = b""

    def encode(self) -> bytes:
        """As it goes over a pipe or a connection."""
        facts = json.dumps(self.facts, separators=(",", ":"), allow_nan=False).encode()
        return LENGTHS.pack(len(facts), len(self.picture)) + facts + self.picture


def read_parcel(stream: BinaryIO) -> Parcel | None:
    """The next parcel of a stream; None at its end.

    Raises: AnprError when what comes is no parcel.
    """
    head = stream.read(LENGTHS.size)
    if len(head) < LENGTHS.size:
        return None
    facts_bytes, picture_bytes = LENGTHS.unpack(head)
    if facts_bytes + picture_bytes > LONGEST_BYTES:
        raise AnprError(f"a parcel of {facts_bytes + picture_bytes} bytes; at most {LONGEST_BYTES}")
    facts, picture = stream.read(facts_bytes), stream.read(picture_bytes)
    if len(facts) < facts_bytes or len(picture) < picture_bytes:
        return None
    return Parcel(json.loads(facts), picture)
