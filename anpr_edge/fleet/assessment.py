"""The factual part of a data-protection impact assessment, in Markdown, from a policy.

It states what the units do. What only people can answer is asked in so many words, never left blank:
`TO BE ANSWERED`. docs/privacy-assessment.md says how the two make a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from anpr_edge.errors import UsageError
from anpr_edge.seal.policy.model import FeedTerms, Policy, utc_text
from anpr_edge.seal.policy.words import feed_rows, policy_rows, span

OPEN: Final = "**TO BE ANSWERED**"

FLOW: Final = (
    "The camera's pictures are looked at in the unit's memory and are never stored or sent.",
    "A plate that was read becomes a record in memory, with time, confidence and, where known, place.",
    "For each feed that may have it, a record is made with that feed's fields alone, and encrypted for its "
    "recipients' keys. The same vehicle has another random identifier in each feed.",
    "The ciphertexts wait in the unit's outbox until the feed's centre has confirmed them under its own key, "
    "or their time on the unit ends.",
    "They travel over MQTT inside TLS 1.3 through a broker that cannot open them.",
    "The centre verifies the unit's signature and the chain of numbers, decrypts, and stores.",
)

SAFEGUARDS: Final = (
    ("Stolen unit", "it holds public keys alone and cannot open what waits in its outbox"),
    ("Curious broker or network", "sees unit, feed, numbers, sizes in steps, and when something is sent"),
    ("One recipient looking into another's feed", "other keys, other identifiers, other numbers and chains"),
    ("Reads removed or made up on the way", "signature, number and hash chain of every feed"),
    ("A recipient added quietly", "only under the policy key, as a higher version, in the unit's audit log"),
    ("A field given beyond the policy", "left out before encryption; time and place coarsened before it too"),
)

RESIDUAL: Final = (
    "Whoever reads the topics sees how many reads a unit sends to which feed, and when; a coarse time in the "
    "record does not change when it arrives. A unit's name says where its camera stands.",
    "A recipient can keep, copy and pass on what it has opened. The policy states its undertaking; no unit "
    "can enforce it.",
    "Who holds the policy key decides over every feed. Who holds a unit's signing key can make reads up.",
    "What was recorded off the network can be opened by whoever obtains the recipient's private key later.",
    "Plates are misread now and then; the confidence in each read is the machine's own estimate.",
)

LIST_RISKS: Final = (
    "A feed of matches alone sends when a listed vehicle passes: whoever sees its traffic learns that, and "
    "when, though not which vehicle.",
    "A list's entries are hashes, and plates are few enough to try them all: whoever opens a list has its "
    "plates. Without a TPM, the unit's memory card is enough to open it.",
)
"""Of a policy with a feed that gets matches of a list alone. See docs/lists.md."""

QUESTIONS: Final[Mapping[str, str]] = {
    "necessity": "Why is reading every plate necessary for this purpose, and what was considered instead?",
    "cameras": "Why is the number of cameras, and the place of each, proportionate?",
    "consulted": "Who was consulted, among those whose plates are read too, and what did they say?",
    "rights": "How do people learn of the cameras, see what is held of them, and object?",
    "matches": "Who decides on a match, and how is a misread plate put right?",
    "keys": "Who holds the policy key and the recipients' private keys, and who watches them?",
}
"""What the policy cannot say, by the key of its answer."""


class _Answers:
    """What people have answered; the rest is left open in so many words."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.asked: set[str] = set()

    def of(self, key: str) -> str:
        self.asked.add(key)
        return self._given.get(key, "").strip() or OPEN


def assessment(policy: Policy, given: Mapping[str, str] | None = None) -> Iterator[str]:
    """The document, line by line, with the answers that are given.

    Their keys are those of `QUESTIONS`, and for each feed `why.FEED` and, when the policy does not say it,
    `kept.FEED`. Raises: UsageError for an answer that nobody asked for.
    """
    answers = _Answers(given or {})
    rows = policy_rows(policy)
    yield f"# Data-protection impact assessment: facts, policy {policy.version} of fleet {policy.fleet}"
    yield ""
    yield f"Made by `anpr-fleet policy assessment` from a policy {rows['meant for']}, valid {rows['valid']}."
    yield f"Reason given for this version: {policy.reason}"
    yield from _numbered("How the data flow", FLOW)
    yield from _recipients(policy)
    for feed in policy.feeds:
        yield from _feed(feed, answers)
    yield from _retention(policy, answers)
    yield from _table("Safeguards", ("against", "by"), SAFEGUARDS)
    lists = any(feed.watch for feed in policy.feeds)
    yield from _numbered("Risks that remain", RESIDUAL + LIST_RISKS if lists else RESIDUAL)
    yield from (
        "",
        "## Review",
        "",
        f"The policy ends by itself at {utc_text(policy.until_utc_s)}: until then at",
    )
    yield "the latest this assessment has to be looked at again."
    yield from ("", "## What only people can answer", "")
    for number, (key, question) in enumerate(QUESTIONS.items(), start=1):
        yield f"{number}. {question} {answers.of(key)}"
    if stray := sorted((given or {}).keys() - answers.asked):
        asked = ", ".join(sorted(answers.asked))
        raise UsageError(f"answers: {stray[0]} was not asked", hint=f"what is asked: {asked}")


def _recipients(policy: Policy) -> Iterator[str]:
    rows = [
        (feed.name, one.name, feed.controller, feed.purpose, feed.legal_basis)
        for feed in policy.feeds
        for one in feed.recipients
    ]
    headings = ("feed", "recipient", "controller", "purpose", "legal basis")
    yield from _table("Who gets data", headings, rows or [("none", "nobody", "–", "–", "–")])


def _feed(feed: FeedTerms, answers: _Answers) -> Iterator[str]:
    yield from _table(f"Feed {feed.name}", ("what", "as the policy says"), tuple(feed_rows(feed).items()))
    yield ""
    yield f"Why this feed needs each of these fields, hours and reads: {answers.of(f'why.{feed.name}')}"


def _retention(policy: Policy, answers: _Answers) -> Iterator[str]:
    rows = [
        (
            feed.name,
            f"at most {span(feed.waits_s)}, encrypted",
            answers.of(f"kept.{feed.name}") if feed.kept_days is None else f"{feed.kept_days} d",
        )
        for feed in policy.feeds
    ]
    yield from _table("How long", ("feed", "on the unit", "at the recipient (its undertaking)"), rows)


def _numbered(title: str, sentences: tuple[str, ...]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from (f"{number}. {sentence}" for number, sentence in enumerate(sentences, start=1))


def _table(title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield from ("", f"## {title}", "", _row(headings), "|" + "---|" * len(headings))
    yield from map(_row, rows)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
