"""Stages timed from outside: what is wrapped, what counts, and that nothing stays behind."""

from __future__ import annotations

import pytest

from scripts.benchmarks.stopwatch import Stopwatch


class Part:
    """Has a method that calls another, and one that fails."""

    def __init__(self, name: str = "a") -> None:
        self.name = name

    def outer(self, number: int) -> int:
        return self.inner(number) + 1

    def inner(self, number: int) -> int:
        return 2 * number

    def failing(self) -> None:
        raise ValueError("no")

    def _private(self) -> int:
        return 5


def test_results_pass_through_and_only_the_outermost_call_counts() -> None:
    watch = Stopwatch()
    with watch.watching("part", Part):
        assert Part().outer(3) == 7
        assert Part()._private() == 5
    assert watch.calls["part"] == 1


def test_the_class_is_as_it_was() -> None:
    before = dict(vars(Part))
    with Stopwatch().watching("part", Part):
        assert vars(Part)["outer"] is not before["outer"]
        assert vars(Part)["_private"] is before["_private"]
    assert dict(vars(Part)) == before


def test_each_frame_has_its_own_sum() -> None:
    watch = Stopwatch()
    with watch.watching("part", Part):
        Part().inner(1)
        Part().inner(2)
        watch.end_frame()
        watch.end_frame()
        Part().inner(3)
        watch.end_frame()
    assert len(watch.frames_ms["part"]) == 2
    assert watch.calls["part"] == 3


def test_a_failing_call_counts_and_does_not_stop_the_watch() -> None:
    watch = Stopwatch()
    with watch.watching("part", Part):
        with pytest.raises(ValueError, match="no"):
            Part().failing()
        Part().inner(1)
    assert watch.calls["part"] == 2


def test_the_object_may_name_its_stage_and_one_method_be_enough() -> None:
    watch = Stopwatch()
    with watch.watching(lambda part: f"part {part.name}", Part, "inner"):
        Part("x").outer(1)
        Part("y").inner(1)
    assert dict(watch.calls) == {"part x": 1, "part y": 1}


def test_stages_within_stages_are_both_timed() -> None:
    watch = Stopwatch()
    with watch.watching("whole", Part, "outer"), watch.watching("part", Part, "inner"):
        Part().outer(1)
        watch.end_frame()
    assert watch.frames_ms["whole"][0] >= watch.frames_ms["part"][0]
