"""How the demo counts reads against the truth."""

from __future__ import annotations

from anpr_edge.cli.demo_summary import CentreRead, Comparison


def read(text: str, latency_ms: float = 100.0) -> CentreRead:
    return CentreRead(text, confidence=0.9, frames_used=5, latency_ms=latency_ms)


def test_an_exact_read_is_captured_and_right() -> None:
    comparison = Comparison(("AB12CDE", "XY34ZZZ"))
    assert comparison.add(read("XY34ZZZ")) == "XY34ZZZ"
    assert (comparison.captured, comparison.right) == (1, 1)


def test_a_misread_is_captured_but_not_right() -> None:
    comparison = Comparison(("AB12CDE",))
    assert comparison.add(read("AB12CDF")) == "AB12CDE"
    assert (comparison.captured, comparison.right) == (1, 0)


def test_a_second_read_of_a_vehicle_is_a_duplicate() -> None:
    comparison = Comparison(("AB12CDE",))
    comparison.add(read("AB12CDE"))
    comparison.add(read("AB12CD"))
    assert (comparison.captured, comparison.right, comparison.duplicates) == (1, 1, 1)


def test_a_read_of_no_vehicle_is_false() -> None:
    comparison = Comparison(("AB12CDE",))
    assert comparison.add(read("W0RK5")) is None
    assert (comparison.captured, comparison.false) == (0, 1)


def test_without_truth_there_is_only_latency() -> None:
    comparison = Comparison(())
    comparison.add(read("AB12CDE", 40.0))
    comparison.add(read("AB12CDE", 80.0))
    assert comparison.latency_ms(50) == 80.0
    assert Comparison(()).latency_ms(50) is None
