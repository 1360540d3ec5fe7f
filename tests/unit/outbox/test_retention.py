"""Age runs on the monotonic clock, and over a reboot on a wall clock that can be believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.outbox.retention import AgeMark, Synced, this_boot
from anpr_edge.records import Instant

ONE, TWO = b"one", b"two"
SECOND = 10**9
START = AgeMark(ONE, 0, 100 * SECOND, Synced(ONE, 5000 * SECOND, 100 * SECOND))


def test_within_a_boot_only_the_monotonic_clock_counts() -> None:
    later = START.at(Instant(9_999_999 * SECOND, 7 * SECOND, 1.0), ONE)
    assert later.age_ns == 107 * SECOND


def test_over_a_reboot_the_synchronised_wall_clock_counts() -> None:
    later = START.at(Instant(5060 * SECOND, 3 * SECOND, 1.0), TWO)
    assert later.age_ns == 160 * SECOND
    assert later.synced == Synced(TWO, 5060 * SECOND, 160 * SECOND)


def test_over_a_reboot_an_unsynchronised_clock_says_nothing() -> None:
    later = START.at(Instant(9_999_999 * SECOND, 3 * SECOND, None), TWO)
    assert later.age_ns == START.age_ns
    assert later.synced == START.synced


def test_the_first_synchronised_look_after_a_reboot_catches_up_once() -> None:
    booted = START.at(Instant(1, 3 * SECOND, None), TWO)
    synced = booted.at(Instant(5060 * SECOND, 13 * SECOND, 1.0), TWO)
    assert synced.age_ns == 160 * SECOND
    stepped = synced.at(Instant(99_999 * SECOND, 14 * SECOND, 1.0), TWO)
    assert stepped.age_ns == 161 * SECOND


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ONE, TWO]),
            st.integers(0, 2**62),
            st.integers(0, 2**62),
            st.none() | st.just(1.0),
        ),
        max_size=12,
    )
)
def test_age_never_goes_back(looks: list[tuple[bytes, int, int, float | None]]) -> None:
    mark = START
    for boot, utc_ns, mono_ns, error_ms in looks:
        moved = mark.at(Instant(utc_ns, mono_ns, error_ms), boot)
        assert moved.age_ns >= mark.age_ns
        mark = moved


def test_this_boot_has_a_name() -> None:
    assert this_boot() == this_boot()
    assert len(this_boot()) == 16
