"""`anpr-edge outbox` and `anpr-central import`: a unit's reads on a stick, to the centre and back."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from anpr_edge.cli.central import main as central
from anpr_edge.cli.edge import main as edge
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.provision import FeedPlan
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Delivery, SealedRead
from anpr_edge.seal.acks import open_ack
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from tests.sealed_reads import PLATE, made_up_read
from tests.unit.diag.bench import UNIT, Bench, make_bench

FEED = "access"


class Pair:
    """A unit with a real outbox, its feed's centre, and a stick between them."""

    def __init__(self, directory: Path) -> None:
        self.home, self.stick = directory / "centre", directory / "stick"
        self.store = directory / "reads.jsonl"
        self.stick.mkdir()
        assert central(["keygen", "--out", str(self.home)]) == 0
        recipient = RecipientPrivateKey.load(self.home / "recipient.pem").public
        ack_key = SigningKey.load(self.home / "ack.pem").public
        self.bench: Bench = make_bench(directory)
        self.bench.feed = FeedPlan(FEED, "test", (recipient.text,), ack_key.text)
        self.bench.write_config()
        self.key = SigningKey.load(self.bench.keys / "sign.pem")
        (self.home / "units.toml").write_text(f'[units]\n"{UNIT}" = "{self.key.public.text}"\n')
        self._sealer = CoseSealer(UnitIdentity("testfleet", UNIT, bytes(16)), self.key, {FEED: [recipient]})
        self.path = self.bench.state_dir / "outbox.db"

    def outbox(self) -> SqliteOutbox:
        retention = {FEED: timedelta(hours=72)}
        return SqliteOutbox(self.path, SystemClock(), max_bytes=1 << 24, retention=retention)

    def see(self, count: int) -> list[SealedRead]:
        """Seal and keep so many reads."""
        with closing(self.outbox()) as outbox:
            return [outbox.append([(FEED, partial(self._seal))])[0] for _ in range(count)]

    def _seal(self, seq: int, previous: bytes) -> SealedRead:
        return self._sealer.seal(made_up_read(), FEED, seq, previous)

    @property
    def kept(self) -> int:
        with closing(self.outbox()) as outbox:
            return sum(one.waiting + one.sent for one in outbox.stats().values())

    def unit(self, *arguments: str) -> int:
        return edge(["outbox", *arguments, "--config", str(self.bench.config)])

    def take(self, *folders: Path) -> int:
        names = [str(folder) for folder in folders]
        return central(["import", *names, "--store", str(self.store), "--home", str(self.home)])

    def export(self) -> Path:
        """The folder that one export makes."""
        before = set(self.stick.iterdir())
        assert self.unit("export", str(self.stick)) == 0
        (folder,) = set(self.stick.iterdir()) - before
        return folder

    @property
    def stored(self) -> list[int]:
        """The numbers the centre has."""
        return [json.loads(line)["seq"] for line in self.store.read_text().splitlines()]


@pytest.fixture
def pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Pair:
    made = Pair(tmp_path)
    capsys.readouterr()
    return made


def test_there_and_back(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    reads = pair.see(250)
    folder = pair.export()
    assert pair.kept == 250
    assert pair.take(folder) == 0
    assert pair.stored == [read.seq for read in reads]
    pair.see(3)
    capsys.readouterr()
    assert pair.unit("confirm", str(folder)) == 0
    assert "250 reads forgotten" in capsys.readouterr().out
    assert pair.kept == 3


def test_what_came_twice_is_kept_once(pair: Pair) -> None:
    pair.see(5)
    first = pair.export()
    pair.see(5)
    shutil.copytree(first, copy := pair.stick / "copy")
    second = pair.bench.directory / "second"
    second.mkdir()
    assert pair.unit("export", str(second)) == 0
    assert pair.take(first, copy, *second.iterdir()) == 0
    assert len(pair.stored) == len(set(pair.stored)) == 10
    assert pair.take(first) == 0
    assert len(pair.stored) == 10


def test_reads_that_went_by_air_are_gaps_that_the_unit_keeps(pair: Pair) -> None:
    reads = pair.see(9)
    with closing(pair.outbox()) as outbox:
        outbox.record([Delivery(FEED, read.seq, 0) for read in reads[3:6]])
    folder = pair.export()
    lines = (folder / f"{FEED}.jsonl").read_text().splitlines(keepends=True)
    (folder / f"{FEED}.jsonl").write_text("".join(lines[:3] + lines[6:]))
    assert pair.take(folder) == 1
    ack = open_ack(
        (folder / "acks" / f"{FEED}.cose").read_bytes(), SigningKey.load(pair.home / "ack.pem").public
    )
    assert ack.gaps == ((reads[3].seq, reads[5].seq),)
    assert pair.unit("confirm", str(folder)) == 0
    assert pair.kept == 3


def test_damage_is_named_and_what_is_whole_is_taken(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    pair.see(6)
    folder = pair.export()
    file = folder / f"{FEED}.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    lines[2] = lines[2][:200] + "\n"
    lines[4] = lines[4].replace('"blob":"', '"blob":"AAAA')
    file.write_text("".join(lines))
    assert pair.take(folder) == 1
    shown = capsys.readouterr().err
    assert "not as it was written" in shown
    assert "1 lines hold no read" in shown
    assert "1 refused" in shown
    assert len(pair.stored) == 4


def test_a_stick_of_another_unit_is_refused_read_by_read(pair: Pair) -> None:
    pair.see(2)
    folder = pair.export()
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace(UNIT, "unit-0002"))
    assert pair.take(folder) == 1
    assert pair.store.read_text() == ""


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 1}', '{"schema": 2, "kind": "anpr-outbox"}'])
def test_a_folder_that_is_no_export(pair: Pair, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (pair.stick / "manifest.json").write_text(content)
    assert pair.take(pair.stick) == 1
    assert "not a manifest" in capsys.readouterr().err


def test_a_manifest_cannot_lead_out_of_its_folder(pair: Pair) -> None:
    pair.see(1)
    folder = pair.export()
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"{FEED}.jsonl"', '"../../etc/passwd"'))
    assert pair.take(folder) == 1


@pytest.mark.parametrize("whose", ["another centre's", "another unit's"])
def test_an_answer_that_does_not_count_forgets_nothing(pair: Pair, whose: str) -> None:
    pair.see(4)
    folder = pair.export()
    assert pair.take(folder) == 0
    if whose == "another unit's":
        (pair.bench.keys / "sign.pub").write_text(f"{SigningKey.generate().public.text}\n")
    else:
        (folder / "acks" / f"{FEED}.cose").write_bytes(b"\xd2\x84")
    assert pair.unit("confirm", str(folder)) == 1
    assert pair.kept == 4


def test_nothing_on_the_stick_shows_a_plate(pair: Pair) -> None:
    pair.see(3)
    folder = pair.export()
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert PLATE.encode() not in everything


def test_a_stick_without_room_leaves_nothing_that_looks_whole(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.see(1)
    assert pair.unit("export", "/dev/full") == 1
    assert pair.unit("export", str(pair.stick / "missing")) == 1
    assert "stick" in capsys.readouterr().err


def test_an_empty_outbox_and_none_at_all(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    assert pair.unit("export", str(pair.stick)) == 1
    assert "no outbox" in capsys.readouterr().err
    pair.outbox().close()
    assert pair.unit("export", str(pair.stick)) == 0
    assert list(pair.stick.iterdir()) == []


def test_an_unknown_feed_is_a_mistake_of_the_caller(pair: Pair) -> None:
    pair.see(1)
    assert pair.unit("export", str(pair.stick), "--feed", "acces") == 2


def test_status_counts(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    reads = pair.see(5)
    with closing(pair.outbox()) as outbox:
        outbox.record([Delivery(FEED, read.seq, 0) for read in reads[:2]])
    assert pair.unit("status", "--json") == 0
    one = json.loads(capsys.readouterr().out)["feeds"][FEED]
    assert (one["waiting"], one["sent"], one["last_seq"]) == (3, 2, reads[-1].seq)
    assert pair.unit("status") == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == [FEED, "3", "2"]


def test_verify_a_whole_chain(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    pair.see(20)
    assert pair.unit("verify") == 0
    assert "20 reads, 0 gaps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE reads SET blob = (SELECT blob FROM reads WHERE id = 2) WHERE id = 3", "sealed as"),
        ("UPDATE reads SET blob = substr(blob, 1, 100) WHERE id = 3", "#"),
    ],
)
def test_verify_finds_reads_that_were_changed(
    pair: Pair, statement: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.see(5)
    with closing(sqlite3.connect(pair.path)) as database, database:
        database.execute(statement)
    assert pair.unit("verify") == 1
    assert words in capsys.readouterr().out


def test_verify_finds_a_read_of_another_key(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    pair.see(2)
    (pair.bench.keys / "sign.pub").write_text(f"{SigningKey.generate().public.text}\n")
    assert pair.unit("verify") == 1
    assert "not signed by" in capsys.readouterr().out
