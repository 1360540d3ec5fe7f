"""Several `anpr-central subscribe` processes on one shared subscription and one store, one of them killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.central.stores.places import open_archive
from anpr_edge.cli.central import main
from anpr_edge.records import SignedMessage
from anpr_edge.seal.acks import Ack, open_ack
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from tests.contract.stores import KafkaBench, PostgresBench
from tests.integration.conftest import CENTRE, FEED, FLEET, HOST, UNIT, Site
from tests.integration.helpers import collect, make_uplink, within
from tests.integration.unit import RoadsideUnit
from tests.postgres import Server

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

READS = 1200
STOOD = 600
"""Half of them are three times what the broker gives a process before it acknowledges any."""


class Group:
    """A centre of several processes: one folder of keys, one store."""

    def __init__(self, site: Site, directory: Path, store: str) -> None:
        self.site, self.store = site, store
        self._home = directory / "home"
        assert main(["keygen", "--out", str(self._home)]) == 0
        self.ack_key = SigningKey.load(self._home / "ack.pem").public
        key = RecipientPrivateKey.load(self._home / "recipient.pem").public
        self.unit = RoadsideUnit(directory, key, self.ack_key)
        self.list_unit()
        files = site.credentials(CENTRE)
        for path in (files.ca_file, files.cert_file, files.key_file):
            (self._home / path.name).write_bytes(path.read_bytes())

    def list_unit(self) -> None:
        text = f'[units]\n"{UNIT}" = "{self.unit.signing_key.public.text}"\n'
        (self._home / "units.toml").write_text(text)

    @contextmanager
    def member(self, number: int) -> Iterator[subprocess.Popen[str]]:
        """A running process of the group, connected."""
        command = [sys.executable, "-m", "anpr_edge.cli.central", "subscribe", "--home", str(self._home)]
        where = ["--host", HOST, "--port", str(self.site.port), "--fleet", FLEET, "--feed", FEED]
        who = ["--name", f"{CENTRE}-{number}", "--share", CENTRE, "--store", self.store]
        with subprocess.Popen(
            [*command, *where, *who], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if line.startswith("connected"):
                    break
            else:
                raise AssertionError("".join(said))
            try:
                yield process
            finally:
                process.kill()

    def kept(self) -> list[Mapping[str, Any]]:
        archive = open_archive(self.store)
        try:
            return list(archive.documents())
        finally:
            archive.close()

    def told(self) -> Ack:
        """The watermark that lies at the broker for the unit."""
        with make_uplink(self.site) as uplink:
            events = collect(uplink, lambda events: any(isinstance(event, SignedMessage) for event in events))
        blob = next(event.payload for event in events if isinstance(event, SignedMessage))
        return open_ack(blob, self.ack_key)


@pytest.fixture(params=["sqlite", "postgres"])
def group(request: pytest.FixtureRequest, broker: Site, tmp_path: Path) -> Group:
    if request.param == "postgres":
        return Group(broker, tmp_path, PostgresBench(request.getfixturevalue("postgres_server")).url)
    return Group(broker, tmp_path, f"sqlite:{tmp_path / 'reads.db'}")


def deliver(group: Group, *, kill: subprocess.Popen[str] | None = None, restart: int | None = None) -> None:
    """Send `READS` reads and wait until the unit may forget them all; kill a process when half are out."""
    unit = group.unit
    with ExitStack() as members, make_uplink(group.site) as uplink:
        unit.see(*range(READS))
        extra = READS
        for turn, _ in enumerate(within("the unit may forget all", 150)):
            unit.turn(uplink)
            if kill is not None and unit.waiting < READS // 2:
                kill.kill()
                kill = None
                if restart is not None:
                    members.enter_context(group.member(restart))
            if unit.kept == 0:
                return
            if unit.waiting == 0 and turn % 100 == 0:
                unit.see(extra)  # something with a higher number, for a gap to show
                extra += 1


def every_number_once(group: Group) -> None:
    """Nothing is missing, nothing twice, and the watermark at the broker says so."""
    documents = group.kept()
    seqs = sorted(document["seq"] for document in documents)
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    for _ in within("the last word at the broker is right"):
        told = group.told()
        if (told.watermark, told.gaps) == (seqs[-1], ()):
            return


def test_two_processes_share_one_units_reads(group: Group) -> None:
    with group.member(1) as first, group.member(2) as second:
        deliver(group)
        assert len(group.kept()) >= READS
        every_number_once(group)
        shares = [_ended(process) for process in (first, second)]
    assert not any(words.startswith("0 reads") for words in shares), shares
    assert all("0 missing" in words for words in shares), shares


def test_one_of_three_is_killed_and_started_again(group: Group) -> None:
    with group.member(1), group.member(2), group.member(3) as third:
        deliver(group, kill=third, restart=3)
        every_number_once(group)


def test_one_of_three_is_killed_for_good(group: Group) -> None:
    with group.member(1), group.member(2), group.member(3) as third:
        deliver(group, kill=third)
        every_number_once(group)


def test_a_process_that_is_told_to_stop_first_takes_all_that_lies_at_the_broker_for_it(group: Group) -> None:
    """Far more than it had been given when it was told: it stood still while its share grew."""
    unit = group.unit
    with group.member(1), group.member(2) as second, make_uplink(group.site) as uplink:
        os.kill(second.pid, signal.SIGSTOP)
        unit.see(*range(STOOD))
        for _ in within("all are at the broker", 60):
            unit.turn(uplink)
            if unit.waiting == 0:
                break
        os.kill(second.pid, signal.SIGTERM)
        os.kill(second.pid, signal.SIGCONT)
        _, said = second.communicate(timeout=60)
        found = re.fullmatch(r"(\d+) reads?, (\d+) repeats?, \d+ missing", said.splitlines()[-1])
        assert found, said
        assert int(found[1]) + int(found[2]) >= STOOD // 2 - 10
        for _ in within("the unit may forget all", 60):
            unit.turn(uplink)
            if unit.kept == 0:
                break
        assert len(group.kept()) == STOOD
        every_number_once(group)


def test_reads_wait_while_the_database_is_away(broker: Site, postgres_server: Server, tmp_path: Path) -> None:
    """The server is killed under a process that goes on when it is back."""
    group = Group(broker, tmp_path, PostgresBench(postgres_server).url)
    with group.member(1) as member, make_uplink(broker) as uplink:
        group.unit.see(*range(READS))
        for _ in within("half are out"):
            group.unit.turn(uplink)
            if group.unit.waiting < READS // 2:
                break
        postgres_server.kill()
        try:
            assert member.stderr is not None
            assert "tried again every" in next(iter(member.stderr))
        finally:
            postgres_server.start()
        for _ in within("the unit may forget all", 60):
            group.unit.turn(uplink)
            if group.unit.kept == 0:
                break
        assert "takes reads again" in next(iter(member.stderr))
        assert len(group.kept()) == READS
        every_number_once(group)
        assert _ended(member).startswith(f"{READS} reads, ")


def test_two_processes_hand_every_read_to_kafka_once(
    broker: Site, kafka_brokers: str, tmp_path: Path
) -> None:
    """Once, as long as none of them is killed; both know of each read by the ledger they share."""
    bench = KafkaBench(kafka_brokers, tmp_path)
    place = f"kafka://{kafka_brokers}/{bench.prefix}?ledger={bench.ledger}"
    group = Group(broker, tmp_path, place)
    with group.member(1) as first, group.member(2) as second:
        deliver(group)
        shares = [_ended(process) for process in (first, second)]
    seqs = sorted(document["seq"] for document in bench.kept())
    assert len(seqs) >= READS
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert (group.told().watermark, group.told().gaps) == (seqs[-1], ())
    assert not any(words.startswith("0 reads") for words in shares), shares


def _ended(process: subprocess.Popen[str]) -> str:
    """The last line a process says when it is told to stop."""
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said.splitlines()[-1]
