"""Enrols the unit over MQTT with its bundle's token, again and again until it has a certificate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from anpr_edge.errors import KeyFileError, UplinkError, reason
from anpr_edge.firstboot.certificate import Papers, Ticket, take
from anpr_edge.seal.enrolment import EnrolmentRequest, broker_password, sign_request
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seams import Clock
from anpr_edge.uplink import clientnames
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.enrol import Asker
from anpr_edge.uplink.link import LinkOptions
from anpr_edge.uplink.tls import TrustOnly

WAIT_S: Final = 60.0
"""How long a try waits for the workshop's answer: while it is served, that comes within a second."""

FIRST_PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 900.0
"""A city whose power comes back, or whose workshop is closed for the night, does not ask all at once."""


class Enroller:
    """Asks for this unit's certificate. `say` tells a person how it goes."""

    def __init__(
        self, papers: Papers, ticket: Ticket, fleet: str, clock: Clock, say: Callable[[str], None]
    ) -> None:
        self._papers = papers
        self._fleet = fleet
        self._clock = clock
        self._say = say
        self._token = ticket.token
        self._options = LinkOptions(
            host=ticket.host,
            port=ticket.port,
            credentials=TrustOnly(papers.trust),
            client_id=f"{fleet}.{papers.unit}.enrol",
            user=clientnames.enrol_user(papers.unit),
            password=broker_password(ticket.token),
        )
        self._where = f"{ticket.host}:{ticket.port}"

    def once(self, wait_s: float = WAIT_S) -> str:
        """Ask once, and take the certificate; returns its serial number, in hex.

        Raises: UplinkError saying how far it went, KeyFileError when the certificate is not this unit's.
        """
        request = self._request()
        number = hashlib.sha256(request.csr_pem).hexdigest()
        asker = Asker(self._options, self._fleet, self._papers.unit, number, self._clock)
        answer = asker.run(sign_request(request, self._token), wait_s)
        if answer.certificate:
            return take(answer.certificate, self._where, self._papers, self._clock.now().utc_ns)
        if answer.refused:
            hint = "nobody vouches for these words; ask the workshop, and take a new bundle"
            raise UplinkError(f"{self._where}: refused: {answer.refused}", hint=hint)
        unanswered = f"{self._where}: the request is left there, and nobody has answered within {wait_s:g} s"
        raise UplinkError(
            answer.why if answer.why and "stopped" not in answer.why else unanswered,
            hint="is the workshop answering (anpr-fleet enrol --serve), and does the broker know the tokens?",
        )

    def until_done(self, backoff: Backoff, wait_s: float = WAIT_S) -> str:
        """Ask until there is a certificate; returns its serial number, in hex."""
        while True:
            try:
                return self.once(wait_s)
            except (UplinkError, KeyFileError) as error:
                pause_s = backoff.next_delay_s()
                self._say(f"{error}; tried again in {pause_s:.0f} s")
                self._clock.sleep(pause_s)

    def _request(self) -> EnrolmentRequest:
        try:
            csr_pem = self._papers.request.read_bytes()
        except OSError as error:
            raise UplinkError(
                f"{self._papers.request}: {reason(error)}", hint="sudo anpr-edge init makes it"
            ) from None
        verify_key = VerifyKey.load(self._papers.request.with_name("sign.pub"))
        return EnrolmentRequest(self._fleet, self._papers.unit, csr_pem, verify_key)
