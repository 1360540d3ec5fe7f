"""The workshop's side of enrolling over MQTT: each request judged, answered once, and entered in a log."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from anpr_edge import auditlog
from anpr_edge.errors import AnprError, KeyFileError, SealError, UplinkError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.enrolment import enrol
from anpr_edge.fleet.filing import write_all
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.tokens import TokenRecord, read_token, token_file
from anpr_edge.fleet.unitrecord import State
from anpr_edge.seal.certificates import parse_certificate, read_certificate
from anpr_edge.seal.enrolment import EnrolmentRequest, open_request
from anpr_edge.seal.tls_request import requested_key
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.enrol import reply_document
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message

LOG_FILE: Final = "enrolment.log"
ENROLLED, REPEATED, REFUSED = "enrolled", "answered-again", "enrolment-refused"
REPLY_KEPT_S: Final = 7 * 86_400
"""The broker keeps an answer that long for its unit: a certificate is no secret."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request. `verify_key` is for the centre; `serial` the certificate's, in hex."""

    unit: str
    event: str
    why: str = ""
    serial: str = ""
    verify_key: str = ""
    reply: bytes = b""


class Desk:
    """Judges requests by the fleet folder; believes nothing of one but what its token's key signed."""

    def __init__(self, folder: FleetFolder, authority: Authority, clock: Clock) -> None:
        self._folder = folder
        self._authority = authority
        self._clock = clock

    def answer(self, unit: str, blob: bytes) -> Outcome:
        """Judge one request, sign it when it may be, and enter it in the log.

        Raises: AnprError when the fleet folder cannot be read or written: nothing is answered then.
        """
        with self._folder.changing():
            outcome = self._judged(unit, blob)
            self._enter(outcome)
        return outcome

    def _judged(self, unit: str, blob: bytes) -> Outcome:
        if not self._folder.has_unit(unit) or self._folder.unit(unit).state is State.RETIRED:
            return Outcome(unit, REFUSED, "no such unit, or it is retired")
        token = read_token(self._folder, unit)
        if token is None:
            return Outcome(unit, REFUSED, "no token was given to this unit")
        try:
            request = open_request(blob, token.verify_key, self._folder.fleet, unit)
        except SealError as error:
            return Outcome(unit, REFUSED, str(error))
        if token.used_by not in ("", request.sha256):
            return self._refused(request, "this token was used already, for another request")
        if certificate := self._given(request, token):
            return self._granted(request, certificate, REPEATED)
        if token.until_utc_s < self._clock.now().utc_ns // 10**9:
            return self._refused(request, "this token has expired")
        return self._sign(request, token)

    def _sign(self, request: EnrolmentRequest, token: TokenRecord) -> Outcome:
        """The token counts as used before anything is signed: after a cut it is this request's alone."""
        used = replace(token, used_by=request.sha256)
        write_all({token_file(self._folder, request.unit): used.dump()})
        try:
            certificate = enrol(self._folder, self._authority, request.unit, request.csr_pem)
        except KeyFileError as error:
            return self._refused(request, str(error))
        return self._granted(request, certificate, ENROLLED)

    def _given(self, request: EnrolmentRequest, token: TokenRecord) -> bytes:
        """The certificate that this very request was given before, or nothing."""
        path, asked = self._folder.certificate_file(request.unit), self._folder.request_file(request.unit)
        if not token.used_by or not path.exists() or not asked.exists():
            return b""
        same = asked.read_bytes() == request.csr_pem
        return (
            path.read_bytes() if same and read_certificate(path).public_key == requested_key(asked) else b""
        )

    def _granted(self, request: EnrolmentRequest, certificate: bytes, event: str) -> Outcome:
        serial = f"{parse_certificate(certificate, request.unit).parsed.serial_number:x}"
        reply = reply_document(request.sha256, certificate=certificate)
        return Outcome(request.unit, event, "", serial, request.verify_key.text, reply)

    def _refused(self, request: EnrolmentRequest, why: str) -> Outcome:
        reply = reply_document(request.sha256, refused=why)
        return Outcome(request.unit, REFUSED, why, reply=reply)

    def _enter(self, outcome: Outcome) -> None:
        details: dict[str, Any] = {"unit": outcome.unit}
        for name in ("why", "serial", "verify_key"):
            if value := getattr(outcome, name):
                details[name] = value
        auditlog.append(log_file(self._folder), self._clock.now().utc_ns, outcome.event, details)


def log_file(folder: FleetFolder) -> Path:
    """Where every answer is entered, each line chained to the one before."""
    return folder.directory / LOG_FILE


class EnrolmentServer:
    """One connection of an enroller, until it is stopped or the broker ends it."""

    def __init__(self, options: LinkOptions, desk: Desk, fleet: str, clock: Clock) -> None:
        self._desk = desk
        self._fleet = fleet
        self._requests: queue.Queue[Message | str] = queue.Queue()
        self._link = Link(options, self, clock)
        self._stopping = threading.Event()
        self.was_up = False

    def serve(self, tell: Callable[[Outcome], None], idle_s: float | None = None) -> None:
        """Answer requests as they come; end when none has come for `idle_s` seconds.

        Raises: UplinkError when the broker cannot be reached, refuses us, or hangs up.
        """
        thread = threading.Thread(target=self._run, name="enroller", daemon=True)
        thread.start()
        try:
            while True:
                happened = self._requests.get(timeout=idle_s)
                if isinstance(happened, str):
                    raise UplinkError(happened, hint="check --host, --port and --home")
                if outcome := self._take(happened):
                    tell(outcome)
        except queue.Empty:
            return
        finally:
            self._stopping.set()
            thread.join(5.0)

    def _take(self, message: Message) -> Outcome | None:
        parts = message.topic.split("/")
        unit = parts[3] if len(parts) == 6 else ""
        if not message.payload or topics.enrol_request(self._fleet, unit) != message.topic:
            return None
        try:
            outcome = self._desk.answer(unit, message.payload)
        except AnprError as error:
            return Outcome(unit, "not answered", str(error))
        kind = topics.JSON_CONTENT_TYPE
        if outcome.reply:
            reply = topics.enrol_reply(self._fleet, unit)
            self._link.publish(reply, outcome.reply, content_type=kind, retain=True, expiry_s=REPLY_KEPT_S)
        self._link.publish(message.topic, b"", content_type=kind, retain=True)  # it is answered: none is kept
        return outcome

    def _run(self) -> None:
        self._requests.put(self._link.run(self._stopping))

    # ── what the link says, from its own thread ────────────────────────────────────────────

    def up(self, _: Limits) -> None:
        """The broker has taken us: what is kept of requests comes now, and what comes later."""
        self.was_up = True
        self._link.subscribe([topics.enrol_request(self._fleet, "+")])

    def message(self, message: Message) -> None:
        """A request."""
        self._requests.put(message)

    def answered(self, mid: int, reason_code: int) -> None:
        """The broker has an answer."""

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """An enroller has no status to leave behind."""
