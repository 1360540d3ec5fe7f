"""An update ordered by a signed command, the uplink's side: fetched over real HTTPS in pieces."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.daemon.commandreply import Answer
from anpr_edge.daemon.updateorder import ORDER_FILE, READY_FILE
from anpr_edge.daemon.updating import NO_SERVER, Updating
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import Authority
from anpr_edge.seal.commands import sign_command
from anpr_edge.update.record import REFUSED_FILE, Phase, read_outcome
from anpr_edge.uplink.fetch import Server
from anpr_edge.uplink.tls import Credentials
from tests.update.orders import CONTENT, CORRELATION, IDENTITY, KEY, SHA256, order, with_arguments
from tests.update.web import Web, serving


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet's authority, a unit's papers and the server's, in one folder."""
    folder = tmp_path_factory.mktemp("papers")
    authority = Authority.create(folder / "authority", "demo", SystemClock())
    for name, issued in (
        ("tls", authority.issue_client("unit-0001")),
        ("server", authority.issue_server("127.0.0.1")),
    ):
        (folder / f"{name}.pem").write_bytes(issued.key_pem)
        (folder / f"{name}.crt").write_bytes(issued.cert_pem)
    (folder / "ca.crt").write_bytes(authority.cert_pem)
    return folder


def updating(folder: Path, server: Server | None, **more: Any) -> Updating:
    settings: dict[str, Any] = {
        "kilobytes_per_s": 100_000,
        "may_fetch": lambda: True,
        "running": "1.0.0",
        **more,
    }
    return Updating(folder, IDENTITY, server, SystemClock(), **settings)


def watched(desk: Updating, until: Path, within_s: float = 20.0) -> list[Answer]:
    """Turns as the uplink makes them, until a file is there or the order has failed."""
    for _ in range(round(within_s / 0.02)):
        if found := [answer for _, _, answer in desk.ended()]:
            return found
        if until.exists() and desk.state() is None:
            return []
        time.sleep(0.02)
    raise AssertionError(f"{desk.state()}")


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def test_a_bundle_comes_in_pieces_over_breaks_and_is_whole(papers: Path, incoming: Path) -> None:
    web = Web(CONTENT, breaks=[50_000, 100_000])
    with serving(web, papers) as server:
        desk = updating(incoming, server)
        answer = desk.begin(with_arguments(), CORRELATION)
        assert (answer.outcome, answer.details["size"]) == ("accepted", len(CONTENT))
        assert watched(desk, incoming / READY_FILE) == []
    assert (incoming / f"{SHA256}.raucb").read_bytes() == CONTENT
    assert web.asked == ["all", "bytes=50000-", "bytes=150000-"]
    assert desk.wire.received > len(CONTENT)


def test_a_restart_goes_on_where_it_was(papers: Path, incoming: Path) -> None:
    web = Web(CONTENT)
    with serving(web, papers) as server:
        slow = updating(incoming, server, kilobytes_per_s=200)
        assert slow.begin(with_arguments(), CORRELATION).outcome == "accepted"
        while not (state := slow.state()) or state["bytes"] < 32_768:
            list(slow.ended())
            time.sleep(0.01)
        slow.close()
        assert watched(updating(incoming, server), incoming / READY_FILE) == []
    assert web.asked[0] == "all"
    assert web.asked[1].startswith("bytes=")
    assert (incoming / f"{SHA256}.raucb").read_bytes() == CONTENT


def test_a_newer_order_takes_the_place_of_one_under_way(papers: Path, incoming: Path) -> None:
    with serving(Web(CONTENT), papers) as server:
        desk = updating(incoming, server, kilobytes_per_s=200)
        assert desk.begin(with_arguments(version="1.0.9", sha256="0" * 64), CORRELATION).outcome == "accepted"
        while not (state := desk.state()) or not state["bytes"]:
            list(desk.ended())
            time.sleep(0.01)
        assert desk.begin(with_arguments(), CORRELATION).outcome == "accepted"
        assert watched(desk, incoming / READY_FILE) == []
    names = {path.name for path in incoming.iterdir()}
    assert names == {ORDER_FILE, READY_FILE, f"{SHA256}.raucb"}


def test_a_server_without_ranges_is_read_again(papers: Path, incoming: Path) -> None:
    web = Web(CONTENT, breaks=[70_000], knows_ranges=False)
    with serving(web, papers) as server:
        desk = updating(incoming, server)
        desk.begin(with_arguments(), CORRELATION)
        assert watched(desk, incoming / READY_FILE) == []
    assert (incoming / f"{SHA256}.raucb").read_bytes() == CONTENT


def test_another_file_than_was_ordered_is_given_up(
    papers: Path, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anpr_edge.daemon.fetching.LONGEST_PAUSE_S", 2.0)
    web = Web(content=bytes(len(CONTENT)))
    with serving(web, papers) as server:
        desk = updating(incoming, server)
        desk.begin(with_arguments(), CORRELATION)
        (answer,) = watched(desk, incoming / READY_FILE)
    assert (answer.outcome, len(web.asked)) == ("failed", 3)
    assert "not the file that was ordered" in answer.says
    assert [path.name for path in incoming.iterdir()] == [REFUSED_FILE]
    given_up = read_outcome(incoming.parent)
    assert given_up is not None
    assert (given_up.version, given_up.phase, given_up.from_version) == ("1.1.0", Phase.FAILED, "1.0.0")
    assert given_up.why == answer.says


def test_the_next_order_ends_what_was_given_up(papers: Path, incoming: Path) -> None:
    late_s = time.time_ns() // 10**9 - 73 * 3600
    late = sign_command(order(issued_utc_s=late_s, expires_utc_s=late_s + 1), KEY)
    with serving(Web(CONTENT), papers) as server:
        desk = updating(incoming, server)
        desk.begin(late, CORRELATION)
        watched(desk, incoming / READY_FILE)
        given_up = read_outcome(incoming.parent)
        assert given_up is not None
        assert "not fetched within 72 hours" in given_up.why
        desk.begin(with_arguments(), CORRELATION)
        assert read_outcome(incoming.parent) is None
        watched(desk, incoming / READY_FILE)
        runs = updating(incoming, server, running="1.1.0")
        runs.begin(late, CORRELATION)
        watched(runs, incoming / "never")
    assert read_outcome(incoming.parent) is None, "it runs what was ordered"


def test_a_metered_link_keeps_its_bytes_for_reads(papers: Path, incoming: Path) -> None:
    web, may = Web(CONTENT), threading.Event()
    with serving(web, papers) as server:
        desk = updating(incoming, server, may_fetch=may.is_set)
        desk.begin(with_arguments(), CORRELATION)
        for _ in range(80):
            list(desk.ended())
            time.sleep(0.02)
        state = desk.state()
        assert (web.asked, state and state["bytes"]) == ([], 0)
        assert state is not None
        assert "budget" in state["trouble"]
        may.set()
        assert watched(desk, incoming / READY_FILE) == []


def test_what_cannot_be_fetched_says_why(papers: Path, incoming: Path) -> None:
    with serving(Web(CONTENT), papers) as server:
        for arguments, why in (
            ({"path": "releases/b.raucb"}, "the server answers 404"),
            ({"size": len(CONTENT) + 1}, f"{len(CONTENT)} bytes, {len(CONTENT) + 1} were ordered"),
        ):
            desk = updating(incoming, server)
            desk.begin(with_arguments(**arguments), CORRELATION)
            trouble = ""
            for _ in range(250):
                list(desk.ended())
                state = desk.state()
                if trouble := (state or {}).get("trouble", ""):
                    break
                time.sleep(0.02)
            desk.close()
            assert why in trouble


def test_a_disk_without_room_takes_no_bundle(papers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    web = Web(CONTENT)
    try:
        with serving(web, papers) as server:
            desk = updating(folder, server)
            desk.begin(with_arguments(), CORRELATION)
            while not ((state := desk.state()) and state["trouble"]):
                list(desk.ended())
                time.sleep(0.02)
            desk.close()
        assert "bytes free, the update takes" in state["trouble"]
        assert web.asked == []
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_unit_without_a_server_or_slots_says_so(tmp_path: Path) -> None:
    assert updating(tmp_path, None).begin(with_arguments(), b"").says == NO_SERVER
    server = Server("127.0.0.1", 1, Credentials(tmp_path, tmp_path, tmp_path))
    answer = updating(tmp_path / "none", server).begin(with_arguments(), b"")
    assert "no slots to update" in answer.says
