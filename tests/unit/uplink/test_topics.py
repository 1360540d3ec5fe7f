"""Topic names are made and taken apart alike, and nothing else passes for one."""

from __future__ import annotations

import pytest

from anpr_edge.uplink import topics


def test_a_reads_topic_comes_apart_as_it_was_made() -> None:
    made = topics.reads("london", "unit-0001", "charging")
    assert made == "anpr/v1/london/unit-0001/reads/charging"
    assert topics.parse_reads(made) == topics.ReadsTopic("london", "unit-0001", "charging")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "anpr/v1/london/unit-0001/reads",
        "anpr/v1/london/unit-0001/reads/",
        "anpr/v1/london/unit-0001/reads/charging/more",
        "anpr/v2/london/unit-0001/reads/charging",
        "anpr/v1/london/unit-0001/health/charging",
        "anpr/v1/london/+/reads/charging",
        "anpr/v1/london//reads/charging",
    ],
)
def test_other_topics_are_no_reads_topics(topic: str) -> None:
    assert topics.parse_reads(topic) is None


def test_an_ack_belongs_to_one_unit() -> None:
    topic = topics.ack("london", "unit-0001", "charging")
    assert topics.parse_ack(topic, "london", "unit-0001") == "charging"
    assert topics.parse_ack(topic, "london", "unit-0002") is None
    assert topics.parse_ack(topic, "paris", "unit-0001") is None
    assert topics.parse_ack(topics.ack("london", "unit-0001", ""), "london", "unit-0001") is None


@pytest.mark.parametrize("name", ["a", "unit-0001", "A.b_c-9", "x" * 64])
def test_names(name: str) -> None:
    assert topics.is_name(name)


@pytest.mark.parametrize("name", ["", "+", "#", "a/b", "a b", "-a", "ü", "a\n", "x" * 65])
def test_what_is_no_name(name: str) -> None:
    assert not topics.is_name(name)
