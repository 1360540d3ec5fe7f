"""What the reader does with commands that the uplink has left for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.auditlog import AUDIT_FILE, read_audit
from anpr_edge.commandstore import COMMANDS_FILE, CommandStore
from anpr_edge.daemon.commandjudge import CommandJudge, Identity
from anpr_edge.daemon.commandreply import Answer, Voice
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.readerdesk import ReaderDesk
from anpr_edge.seal.commands import Command, sign_command
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seal.policy.model import ALWAYS_ON
from tests.fakes import EPOCH_NS, FakeClock
from tests.sealed_reads import made_up_read
from tests.unit.seal.policies import CHARGING, POLICY

KEY = SigningKey.generate()
NOW_S = EPOCH_NS // 10**9
PAUSE = Command(
    "demo",
    ("unit-0001",),
    (),
    7,
    bytes(16),
    NOW_S,
    NOW_S + 600,
    "pause",
    {"feed": "charging", "minutes": 5},
)


class Bench:
    """A reader's desk; `ended` notes what it was told to do with its service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.uplink = CommandStore(folder / COMMANDS_FILE)
        self.ended: list[str] = []
        self.start()

    def start(self) -> None:
        """A reader that starts: what it remembers is in the folder."""
        store = CommandStore(self.folder / COMMANDS_FILE)
        feeds = (replace(CHARGING, calendar=ALWAYS_ON, share=1.0, most_per_minute=None),)
        paused = store.pauses(self.clock.now().utc_ns // 10**9)
        self.gate = FeedGate(replace(POLICY, feeds=feeds), self.clock, paused=paused)
        identity = Identity("demo", "unit-0001", (), KEY.public)
        self.desk = ReaderDesk(
            Voice("demo", "unit-0001", "reader", self.clock),
            CommandJudge("reader", identity, store, self.folder, self.clock),
            store,
            self.gate,
            self.clock,
            reload=lambda: self.end("reload"),
            restart=lambda: self.end("restart"),
        )

    def end(self, how: str) -> Answer:
        self.ended.append(how)
        return Answer("accepted", how)

    def given(self, blob: bytes, name: str = "pause") -> Mapping[str, Any] | None:
        """The reply to what the uplink has left; None when there is none."""
        self.uplink.hand_over(name, blob, b"c")
        self.clock.advance(1.1)
        self.desk.turn()
        assert self.uplink.handed() is None
        reply = self.uplink.reply()
        if reply is None:
            return None
        self.uplink.forget_reply(reply.id)
        return reply.document

    def gives(self) -> bool:
        """Whether the feed gets a read."""
        return bool(self.gate.choose(made_up_read()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_pause_holds_until_its_end_and_over_a_restart(bench: Bench) -> None:
    reply = bench.given(sign_command(PAUSE, KEY))
    assert reply is not None
    assert (reply["outcome"], reply["by"]) == ("done", "reader")
    assert not bench.gives()
    bench.start()
    assert not bench.gives()
    assert bench.gate.state()["withheld"] == {"charging": {"paused": 1}}
    bench.clock.advance(301)
    assert bench.gives()


def test_a_resume_ends_it(bench: Bench) -> None:
    bench.given(sign_command(PAUSE, KEY))
    resume = replace(PAUSE, number=8, name="resume", arguments={"feed": "charging"})
    reply = bench.given(sign_command(resume, KEY), "resume")
    assert reply is not None
    assert reply["says"] == "feed charging gets reads again"
    assert bench.gives()


def test_what_the_uplink_makes_up_is_refused(bench: Bench) -> None:
    for blob in (sign_command(PAUSE, SigningKey.generate()), b"\x00", b""):
        assert bench.given(blob) is None
    assert bench.gives()
    entries = read_audit(bench.folder / AUDIT_FILE).entries
    assert [entry["kind"] for entry in entries] == ["unknown-key", "malformed", "malformed"]


def test_what_the_uplink_passes_on_twice_is_done_once(bench: Bench) -> None:
    bench.given(sign_command(PAUSE, KEY))
    bench.given(
        sign_command(replace(PAUSE, number=8, name="resume", arguments={"feed": "charging"}), KEY), "resume"
    )
    reply = bench.given(sign_command(PAUSE, KEY))
    assert reply is not None
    assert (reply["outcome"], reply["kind"]) == ("refused", "replay")
    assert bench.gives()


def test_restart_and_reload_are_the_readers_own(bench: Bench) -> None:
    for number, (name, arguments) in enumerate(
        (("restart", {"service": "reader"}), ("reload", {"what": "config"})), start=8
    ):
        command = replace(PAUSE, number=number, name=name, arguments=arguments)
        bench.given(sign_command(command, KEY), name)
    assert bench.ended == ["restart", "reload"]


def test_the_uplinks_restart_is_not_the_readers(bench: Bench) -> None:
    command = replace(PAUSE, name="restart", arguments={"service": "uplink"})
    reply = bench.given(sign_command(command, KEY), "restart")
    assert reply is not None
    assert reply["outcome"] == "failed"
    assert bench.ended == []
