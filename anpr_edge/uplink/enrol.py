"""One conversation with the broker's enrolment listener: the unit's request out, the workshop's answer in.

The answer is believed for nothing here: a certificate proves itself, and a refusal is only told.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any, Final

from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message

REPLY_SCHEMA: Final = 1
LONGEST_REPLY_BYTES: Final = 32_768
REQUEST_KEPT_S: Final = 7 * 86_400
"""The broker keeps a request for a workshop that is not there; the unit leaves it anew each time it tries."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The workshop's: a certificate in PEM, or why there is none; both empty when nobody has answered.

    `why` is how the connection ended.
    """

    certificate: bytes = b""
    refused: str = ""
    why: str = ""


class Asker:
    """Hears what its link hears; `run` has the conversation once.

    `number` is the SHA-256 of the certificate request: an answer that names another one is not for us.
    """

    def __init__(self, options: LinkOptions, fleet: str, unit: str, number: str, clock: Clock) -> None:
        self._request = topics.enrol_request(fleet, unit)
        self._reply = topics.enrol_reply(fleet, unit)
        self._number = number
        self._blob = b""
        self._answer: Answer | None = None
        self._stopping = threading.Event()
        self._over = threading.Event()
        self._link = Link(options, self, clock)

    def run(self, blob: bytes, wait_s: float) -> Answer:
        """Leave the request and wait so long for the answer."""
        self._blob = blob
        ended: list[str] = []
        thread = threading.Thread(target=lambda: ended.append(self._serve()), name="enrol", daemon=True)
        thread.start()
        self._over.wait(wait_s)
        self._stopping.set()
        thread.join()
        return self._answer or Answer(why=ended[0] if ended else "")

    def up(self, _: Limits) -> None:
        self._link.subscribe([self._reply])
        self._link.publish(
            self._request,
            self._blob,
            content_type=topics.READS_CONTENT_TYPE,
            retain=True,
            expiry_s=REQUEST_KEPT_S,
        )

    def message(self, message: Message) -> None:
        if message.topic != self._reply or len(message.payload) > LONGEST_REPLY_BYTES:
            return
        answer = _answer(message.payload, self._number)
        if answer is not None:
            self._answer = answer
            self._over.set()

    def answered(self, mid: int, reason_code: int) -> None:
        """The broker has the request."""

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """Nothing is left behind but the request."""

    def _serve(self) -> str:
        why = self._link.run(self._stopping)
        self._over.set()
        return why


def reply_document(number: str, *, certificate: bytes = b"", refused: str = "") -> bytes:
    """The workshop's answer to the request with this SHA-256, as it is published."""
    said: dict[str, object] = {"schema": REPLY_SCHEMA, "request": number}
    said |= {"certificate": certificate.decode("ascii")} if certificate else {"refused": refused}
    return json.dumps(said).encode()


def _answer(payload: bytes, number: str) -> Answer | None:
    """What an answer says; None when it is none to our request."""
    try:
        said: Any = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(said, dict) or (said.get("schema"), said.get("request")) != (REPLY_SCHEMA, number):
        return None
    certificate, refused = said.get("certificate"), said.get("refused")
    if isinstance(certificate, str):
        return Answer(certificate=certificate.encode())
    return Answer(refused=_line(refused)) if isinstance(refused, str) else None


def _line(text: str) -> str:
    """A stranger's words, fit for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])
