"""Vectors that verify and do not open: recipients, ciphertext, padding, record."""

from __future__ import annotations

import cbor2

from tests.vectors.case import Case, flipped, nth, record, without
from tests.vectors.recipe import RECORD, Recipe, encode


def _swapped_keys(blob: bytes) -> bytes:
    """The record's first two keys in the wrong order: `a2 01… 02…` becomes `a2 02… 01…`."""
    entries = [encode(key) + encode(value) for key, value in RECORD.items()]
    return blob[:1] + entries[1] + entries[0] + b"".join(entries[2:])


PAYLOAD = (
    Case(
        "recipient-other",
        "Sealed for somebody else.",
        "not-a-recipient",
        Recipe(),
        opens_with="recipient two",
    ),
    Case(
        "payload-flipped",
        "One bit of the ciphertext changed before signing.",
        "payload",
        Recipe(bend_encrypt=nth(2, lambda c: flipped(c, 0))),
    ),
    Case(
        "payload-key-flipped",
        "One bit of the wrapped key changed before signing.",
        "payload",
        Recipe(bend_recipient=nth(2, lambda w: flipped(w, 0))),
    ),
    Case(
        "payload-ek-zero",
        "An encapsulated key of small order.",
        "payload",
        Recipe(bend_recipient=nth(1, lambda u: {**u, -4: bytes(32)})),
    ),
    Case(
        "payload-other-header",
        "The ciphertext of another envelope, signed under this header.",
        "payload",
        Recipe(bend_bound=lambda h: h.replace(b"unit-0042", b"unit-0043")),
    ),
    Case(
        "payload-unbound",
        "A ciphertext bound to no header.",
        "payload",
        Recipe(bend_bound=lambda _: b""),
    ),
    Case(
        "padding-missing",
        "Not padded.",
        "payload",
        Recipe(bend_padded=lambda p: p.rstrip(b"\0")[:-1]),
    ),
    Case(
        "padding-bucket",
        "Padded to 512 bytes where 256 do.",
        "payload",
        Recipe(bend_padded=lambda p: p.ljust(512, b"\0")),
    ),
    Case(
        "padding-not-zero",
        "The padding's last byte is not zero.",
        "payload",
        Recipe(bend_padded=lambda p: flipped(p, -1)),
    ),
    Case("record-unknown-field", "A sixteenth field.", "payload", record({**RECORD, 16: 0})),
    Case("record-missing-field", "No plate.", "payload", record(without(RECORD, 2))),
    Case("record-probability", "A probability above 1.", "payload", record({**RECORD, 3: 10_001})),
    Case(
        "record-time", "First seen in the year 9999.", "payload", record({**RECORD, 4: 253_370_764_800_000})
    ),
    Case(
        "record-duration", "Seen for longer than 365 days.", "payload", record({**RECORD, 6: 31_536_000_001})
    ),
    Case("record-control", "A control character in the lane.", "payload", record({**RECORD, 13: "2\x1b[2J"})),
    Case(
        "record-separator",
        "A no-break space in the plate.",
        "payload",
        record({**RECORD, 2: "AB12\u00a0CDE"}),
    ),
    Case("record-float", "A probability as a float.", "payload", record({**RECORD, 3: 0.9731})),
    Case(
        "record-place",
        "A latitude of 91 degrees.",
        "payload",
        record({**RECORD, 14: [3, 910_000_000, 0, 0, 0]}),
    ),
    Case("record-not-a-map", "A list.", "payload", Recipe(bend_record=lambda _: encode([1, 2]))),
    Case("record-read-id", "A read id of 15 bytes.", "payload", record({**RECORD, 1: bytes(15)})),
    Case("record-position", "A position of four values.", "payload", record({**RECORD, 14: [3, 0, 0, 0]})),
    Case("record-empty-plate", "A plate of no characters.", "payload", record({**RECORD, 2: ""})),
    Case("record-key-order", "Two keys in the wrong order.", "payload", Recipe(bend_record=_swapped_keys)),
    Case("record-trailing", "One byte too many.", "payload", Recipe(bend_record=lambda r: r + b"\0")),
    Case(
        "record-tag",
        "The first seen time as a tagged date.",
        "payload",
        record({**RECORD, 4: cbor2.CBORTag(1, 1_790_000_000)}),
    ),
)
