"""The assessment's facts are the policy's, and nothing open is left blank."""

from __future__ import annotations

from dataclasses import replace

from anpr_edge.fleet.assessment import LIST_RISKS, OPEN, QUESTIONS, assessment
from anpr_edge.seal.policy.model import ListTerms
from tests.unit.seal.policies import CHARGING, POLICE, POLICY


def text_of(*lines: str) -> str:
    return "\n".join(lines)


def test_every_fact_of_every_feed_is_in_it() -> None:
    text = text_of(*assessment(POLICY))
    for feed in (CHARGING, POLICE):
        for fact in (feed.purpose, feed.controller, feed.legal_basis, feed.recipients[0].key):
            assert fact in text
    assert "| charging | at most 72 h, encrypted | 1 d |" in text
    assert "Mon-Fri 07:00-18:00" in text


def test_what_the_policy_does_not_say_is_asked() -> None:
    silent = replace(POLICY, feeds=(replace(CHARGING, kept_days=None),))
    text = text_of(*assessment(silent))
    assert f"| charging | at most 72 h, encrypted | {OPEN} |" in text
    assert text.count(OPEN) == len(QUESTIONS) + 2


def test_no_cell_is_blank_and_no_bar_breaks_a_table() -> None:
    barred = replace(POLICY, feeds=(replace(CHARGING, purpose="this | that"),))
    rows = [line for line in assessment(barred) if line.startswith("| ")]
    assert any("this \\| that" in row for row in rows)
    assert not any("|  |" in row for row in rows)


def test_a_policy_without_feeds_gives_data_to_nobody() -> None:
    assert "| none | nobody | – | – | – |" in text_of(*assessment(replace(POLICY, feeds=())))


def test_the_risks_of_a_list_are_named_where_there_is_one() -> None:
    hits = replace(CHARGING, reads="vehicles-of-interest", watch=ListTerms("stolen", CHARGING.ack_key))
    assert all(risk in text_of(*assessment(replace(POLICY, feeds=(hits,)))) for risk in LIST_RISKS)
    assert not any(risk in text_of(*assessment(POLICY)) for risk in LIST_RISKS)


def test_answers_stand_in_their_places() -> None:
    silent = replace(POLICY, feeds=(replace(CHARGING, kept_days=None),))
    given = dict.fromkeys((*QUESTIONS, "why.charging", "kept.charging"), "Said by people.")
    text = text_of(*assessment(silent, given))
    assert OPEN not in text
    assert text.count("Said by people.") == len(given)
