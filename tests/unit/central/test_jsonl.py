"""The file of reads: what is in a line, who may read it, and what a crash or a full disk leaves."""

from __future__ import annotations

import base64
import json
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.errors import StoreError
from anpr_edge.records import Instant
from anpr_edge.seal.envelope import CHAIN_START
from anpr_edge.seal.keys import RecipientPrivateKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from tests.fakes import FakeClock
from tests.limits import file_size_limit
from tests.sealed_reads import FEED, FLEET, PLATE, SealingUnit, made_up_read

KEY = RecipientPrivateKey.generate()


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(KEY.public)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reads.jsonl"


def take(path: Path, unit: SealingUnit, blobs: list[bytes]) -> list[Verdict]:
    """Take `blobs` as a centre does that starts, works and stops."""
    with closing(JsonlStore(path)) as store:
        intake = Intake(Opener(unit.units, KEY), store, FakeClock())
        return [outcome.verdict for outcome in intake.take([(unit.topic, blob) for blob in blobs])]


def test_a_line_holds_the_read_and_its_proof(path: Path, unit: SealingUnit) -> None:
    take(path, unit, unit.seal(2))
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["fleet"], first["unit"], first["feed"], first["seq"]) == (FLEET, unit.unit, FEED, 1)
    assert first["read"]["plate_text"] == PLATE
    assert first["read"]["fix"] == {"mode": 3, "lat_deg": 51.5, "lon_deg": -0.12, "eph_m": 1.5}
    assert first["read"]["first_utc"].endswith("Z")
    assert second["previous"] == first["hash"]


def test_the_latest_and_longest_read_there_can_be_is_kept(path: Path, unit: SealingUnit) -> None:
    first = Instant(253_370_764_799_999 * 10**6, 0)
    last = Instant(first.utc_ns, 365 * 24 * 3600 * 10**9)
    sealer = CoseSealer(UnitIdentity(FLEET, unit.unit, bytes(16)), unit.key, {FEED: [KEY.public]})
    sealed = sealer.seal(replace(made_up_read(), first=first, last=last), FEED, 1, CHAIN_START)
    assert take(path, unit, [sealed.blob]) == [Verdict.NEW]
    assert json.loads(path.read_text())["read"]["last_utc"] == "9999-12-31T23:59:59.999Z"


def test_the_files_are_their_owners_alone(path: Path, unit: SealingUnit) -> None:
    take(path, unit, unit.seal())
    modes = [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()]
    assert modes == [0o600, 0o600]


def test_a_restart_takes_nothing_twice(path: Path, unit: SealingUnit) -> None:
    blobs = unit.seal(3)
    assert take(path, unit, blobs[:2]) == [Verdict.NEW] * 2
    assert take(path, unit, blobs) == [Verdict.REPEAT, Verdict.REPEAT, Verdict.NEW]
    assert len(path.read_text().splitlines()) == 3


def test_a_line_cut_off_by_a_crash_is_removed_and_taken_again(path: Path, unit: SealingUnit) -> None:
    blobs = unit.seal(2)
    take(path, unit, blobs)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert take(path, unit, blobs) == [Verdict.REPEAT, Verdict.NEW]
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_spoilt_line_is_named_and_nothing_is_overwritten(path: Path, unit: SealingUnit) -> None:
    take(path, unit, unit.seal(2))
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["spoilt", *lines[1:]]) + "\n")
    with pytest.raises(StoreError, match=r"reads\.jsonl:1: not a line of this store"):
        take(path, unit, unit.seal())


def test_two_centres_cannot_share_a_file(path: Path) -> None:
    with closing(JsonlStore(path)), pytest.raises(StoreError, match="in use"):
        JsonlStore(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        JsonlStore(tmp_path / "absent" / "reads.jsonl")


def test_a_refusal_keeps_the_blob_as_it_came(path: Path, unit: SealingUnit) -> None:
    (blob,) = unit.seal()
    spoilt = blob[:-1] + bytes([blob[-1] ^ 1])
    assert take(path, unit, [spoilt]) == [Verdict.REFUSED]
    (line,) = map(json.loads, path.with_name("reads.jsonl.refused").read_text().splitlines())
    assert line["kind"] == "signature"
    assert base64.b64decode(line["blob"]) == spoilt
    assert path.read_bytes() == b""


def test_a_full_disk_leaves_whole_lines_only(path: Path, unit: SealingUnit) -> None:
    blobs = unit.seal(5)
    take(path, unit, blobs[:1])
    size = path.stat().st_size
    with file_size_limit(2 * size + size // 2), pytest.raises(StoreError, match="cannot keep reads"):
        take(path, unit, blobs)
    assert path.stat().st_size == size
    assert take(path, unit, blobs) == [Verdict.REPEAT, *[Verdict.NEW] * 4]
