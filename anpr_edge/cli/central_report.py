"""What `anpr-central subscribe` prints: reads on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from anpr_edge.central.documents import masked, read_document, utc_text
from anpr_edge.central.intake import Intake, Outcome, Verdict
from anpr_edge.central.opener import OpenedRead
from anpr_edge.central.subscriber import StoreState
from anpr_edge.cli.output import counted, json_line, note
from anpr_edge.errors import StoreError
from anpr_edge.records import Instant, LinkState, mask_plate


class Reporter:
    """Prints outcomes and counts them."""

    def __init__(self, *, jsonl: bool, show_plates: bool) -> None:
        self._jsonl = jsonl
        self._show_plates = show_plates
        self._verdicts: Counter[Verdict] = Counter()
        self._refusals: Counter[str] = Counter()
        self._link = LinkState(False, "")
        self.was_connected = False
        self.messages = 0
        """Whatever came from the broker, refusals and repeats included."""

    def enough(self, count: int | None) -> bool:
        """Whether `count` new reads were shown."""
        return count is not None and self._verdicts[Verdict.NEW] >= count

    def show(self, said: Sequence[Outcome | LinkState | StoreState]) -> int:
        """Print each; returns how many messages there were among them."""
        outcomes = 0
        for one in said:
            if isinstance(one, LinkState):
                self._show_link(one)
            elif isinstance(one, StoreState):
                note(one.detail)
            else:
                outcomes += 1
                self._show_outcome(one)
        self.messages += outcomes
        if outcomes:
            sys.stdout.flush()
        return outcomes

    def summarise(self, intake: Intake) -> None:
        """Say what it all came to."""
        seen = self._verdicts
        try:
            ledgers = list(intake.ledgers().values())
        except StoreError as error:
            note(f"what is missing is not known: {error}")
            ledgers = []
        breaks = sum(ledger.breaks for ledger in ledgers)
        restarts = sum(ledger.restarts for ledger in ledgers)
        parts = [counted(seen[Verdict.NEW], "read"), counted(seen[Verdict.REPEAT], "repeat")]
        parts += [counted(seen[Verdict.CONFLICT], "number conflict")] if seen[Verdict.CONFLICT] else []
        parts += [f"{count} refused ({kind})" for kind, count in sorted(self._refusals.items())]
        parts += [f"{sum(ledger.missing for ledger in ledgers)} missing"]
        parts += [counted(breaks, "chain break")] if breaks else []
        parts += [counted(restarts, "restarted chain")] if restarts else []
        note(", ".join(parts))

    def _show_link(self, state: LinkState) -> None:
        if state != self._link:
            note(state.detail)
        self._link = state
        self.was_connected = self.was_connected or state.connected

    def _show_outcome(self, outcome: Outcome) -> None:
        self._verdicts[outcome.verdict] += 1
        if outcome.kind:
            self._refusals[outcome.kind.value] += 1
            note(f"refused: {outcome.kind}: {outcome.words}")
        elif outcome.words:
            note(f"{outcome.name}: {outcome.words}")
        if outcome.opened and outcome.link:
            if self._jsonl:
                opened = outcome.opened if self._show_plates else masked(outcome.opened)
                json_line(read_document(opened, outcome.link, outcome.received.utc_ns))
            else:
                self._line(outcome.opened, outcome.received)

    def _line(self, opened: OpenedRead, received: Instant) -> None:
        envelope, read = opened.envelope, opened.read
        plate = read.plate_text if self._show_plates else mask_plate(read.plate_text)
        latency_s = (received.utc_ns - read.first.utc_ns) / 1e9
        print(
            f"{utc_text(read.first.utc_ns)}  {envelope.unit}  {envelope.feed}#{envelope.seq}  {plate:<10}"
            f"  {read.confidence:.3f}  {counted(read.frames_used, 'frame')}  {latency_s:.1f} s"
        )
