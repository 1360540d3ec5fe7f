"""What `scripts/fuzz` looks for would be found."""

from __future__ import annotations

import pytest

from anpr_edge.errors import EnvelopeError
from scripts.fuzzing import targets
from scripts.fuzzing.seeds import sealed_reads, seeds
from tests.unit.seal.samples import sealed


def test_nothing_it_starts_from_breaks_anything() -> None:
    everything = targets.all_targets(sealed_reads())
    found = list(seeds())
    assert len(found) > len(sealed_reads()) >= 30
    for seed in found:
        targets.look_at(seed, everything)


def test_an_envelope_that_nobody_is_known_to_have_sealed_is_found() -> None:
    with pytest.raises(targets.Broken, match="nobody sealed"):
        targets.look_at(sealed(), targets.all_targets(frozenset()))


def test_an_error_that_is_no_refusal_is_found() -> None:
    def crashes(data: bytes) -> None:
        raise IndexError(len(data))

    with pytest.raises(IndexError):
        targets.look_at(b"x", (crashes,))


def test_a_refusal_is_not_a_finding() -> None:
    def refuses(data: bytes) -> None:
        targets.shape(data)
        targets.record(data)

    with pytest.raises(EnvelopeError):
        refuses(b"x")
    targets.look_at(b"x", (refuses,))
