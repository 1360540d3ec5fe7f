"""A unit's lists on disk and in memory: sealed there, never going back here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.daemon.watchlists import WatchLists
from anpr_edge.errors import ListError
from anpr_edge.liststore import ListStore
from anpr_edge.seal.lists import ListRevision, seal_list
from tests.fakes import EPOCH_NS, FakeClock
from tests.unit.seal.test_lists import CHANGE, HASH_KEY, KEEPER, OWN, WHOLE, entries
from tests.vectors.keys import signer


@pytest.fixture
def store(tmp_path: Path) -> ListStore:
    return ListStore(tmp_path / "lists", "testfleet", {"stolen": KEEPER.public}, OWN)


def sealed(news: ListRevision) -> bytes:
    return seal_list(news, [OWN.public], KEEPER)


def files(store: ListStore) -> list[str]:
    return sorted(file.name for file in (store.folder / "stolen").iterdir())


def test_a_whole_list_and_its_changes_are_kept_until_the_next_whole_one(store: ListStore) -> None:
    store.take(sealed(WHOLE))
    _, after = store.take(sealed(CHANGE))
    assert files(store) == ["3.cose", "5.cose"]
    assert store.held("stolen") == after
    store.take(sealed(replace(WHOLE, revision=12)))
    assert files(store) == ["12.cose"]


def test_nothing_of_a_list_lies_readable_on_the_disk(store: ListStore) -> None:
    store.take(sealed(WHOLE))
    content = b"".join(file.read_bytes() for file in store.folder.rglob("*") if file.is_file())
    assert not any(entry in content for entry in WHOLE.added)
    assert HASH_KEY not in content


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (sealed(replace(WHOLE, fleet="other")), "not one that the policy names"),
        (sealed(replace(WHOLE, name="other")), "not one that the policy names"),
        (seal_list(WHOLE, [OWN.public], signer("stranger")), "not signed by"),
        (sealed(CHANGE), "here is none"),
        (b"junk", "refused"),
    ],
)
def test_what_may_not_be_taken_leaves_nothing(store: ListStore, blob: bytes, why: str) -> None:
    with pytest.raises(ListError, match=why):
        store.take(blob)
    assert store.held("stolen") is None
    assert not store.folder.exists()


def test_a_list_that_is_loaded_counts_without_a_restart_and_never_goes_back(store: ListStore) -> None:
    clock = FakeClock()
    lists = WatchLists(store, clock, look_every_s=10)
    assert not lists.has("stolen", "AB12CDE", EPOCH_NS)
    assert lists.state() == {"stolen": None}
    store.take(sealed(WHOLE))
    before = (store.folder / "stolen" / "3.cose").read_bytes()
    clock.advance(10)
    assert lists.has("stolen", "AB12CDE", EPOCH_NS)
    store.take(sealed(replace(WHOLE, revision=7, added=entries("NEW1"))))
    clock.advance(10)
    assert not lists.has("stolen", "AB12CDE", EPOCH_NS)
    (store.folder / "stolen" / "7.cose").unlink()
    (store.folder / "stolen" / "3.cose").write_bytes(before)
    clock.advance(10)
    assert not lists.has("stolen", "AB12CDE", EPOCH_NS)
    assert lists.has("stolen", "NEW1", EPOCH_NS)


def test_an_expired_list_is_told_and_matches_nothing(store: ListStore) -> None:
    clock = FakeClock()
    store.take(sealed(WHOLE))
    lists = WatchLists(store, clock)
    assert "AB12CDE" not in str(lists.state())
    clock.advance(60)
    (state,) = lists.state().values()
    assert isinstance(state, dict)
    assert (state["revision"], state["entries"], state["expired"]) == (3, 2, True)
    assert not lists.has("stolen", "AB12CDE", clock.now().utc_ns)
