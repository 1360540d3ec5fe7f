"""No certificate has a name that a unit without one shows to the broker."""

from __future__ import annotations

import pytest

from anpr_edge.uplink import clientnames


@pytest.mark.parametrize("name", ["unit-0001", "a", "x" * 32])
def test_no_certificate_is_for_the_name_that_a_unit_without_one_shows(name: str) -> None:
    assert clientnames.is_client_name(name)
    assert not clientnames.is_client_name(clientnames.enrol_user(name))


@pytest.mark.parametrize("name", ["enrolled", "enrol-1", "enrol", "Enrol.x"])
def test_a_clients_name_may_look_like_one(name: str) -> None:
    assert clientnames.is_client_name(name)
